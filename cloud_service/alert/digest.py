"""Digest: news for operators only are gathered, so that a structure mails them at most once an interval.

Due times follow from when each incident was heard of, not from when somebody looked: analysing again gives the same
mails.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cloud_service.alert.evaluate import LONG_AGO
from cloud_service.alert.incident import Incident
from cloud_service.alert.settings import AlertSettings
from telltale.clock import NS_PER_HOUR, NS_PER_S


class Digest(msgspec.Struct):
    """State of one structure.

    Attributes:
        due: incident id → the run's clock when it was to be told; not told yet.
        over: incidents that ended before they were told: void, unless they come back.
        mailed_ns: when the newest mail was due.
    """

    due: dict[str, int] = {}
    over: list[str] = []
    mailed_ns: int = LONG_AGO


def add(digest: Digest, incident: str, heard_ns: int) -> None:
    """An incident that operators have to learn of."""
    digest.due.setdefault(incident, heard_ns)


def come_back(digest: Digest, incident: str, heard_ns: int) -> None:
    """An incident stands again: if nobody was told the first time, somebody is now."""
    if incident in digest.over:
        digest.over.remove(incident)
        add(digest, incident, heard_ns)


def withdraw(digest: Digest, incident: str) -> None:
    """Everybody, operators too, is told by a mail of its own."""
    digest.due.pop(incident, None)


def collect(
    digest: Digest, incidents: Mapping[str, Incident], heard_ns: int, settings: AlertSettings
) -> tuple[list[Incident], int]:
    """The incidents that the mail due by `heard_ns` tells of, and when it was due; none where no mail is due.

    Args:
        digest: changed in place.
        incidents: the newest incident of each matter, by id.
        heard_ns: the run's clock.
        settings: how long is gathered, how often is mailed.
    """
    _void(digest, incidents)
    if not digest.due:
        return [], 0
    due_ns = _due_ns(digest, settings)
    if due_ns > heard_ns:
        return [], 0
    told = [incidents[name] for name in digest.due]
    digest.due, digest.mailed_ns = {}, due_ns
    return told, due_ns


def is_waiting(digest: Digest, heard_ns: int, settings: AlertSettings) -> bool:
    """Whether a look is worth it: cheap, for it is asked with every finding."""
    return bool(digest.due) and _due_ns(digest, settings) <= heard_ns


def _due_ns(digest: Digest, settings: AlertSettings) -> int:
    gathered_ns = next(iter(digest.due.values())) + round(settings.suspect_gather_s * NS_PER_S)
    return max(gathered_ns, digest.mailed_ns + round(settings.suspect_every_h * NS_PER_HOUR))


def _void(digest: Digest, incidents: Mapping[str, Incident]) -> None:
    ended = [name for name in digest.due if name not in incidents or incidents[name].resolved_ns is not None]
    for name in ended:
        del digest.due[name]
    digest.over = [name for name in (*digest.over, *ended) if name in incidents]
