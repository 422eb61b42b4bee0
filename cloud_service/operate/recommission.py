"""`telltale cloud recommission -c cloud.toml SUBJECT…`: end baselines, by a recorded act; beside a running service."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cloud_service.baseline_record import Act, BaselineEvent, read, record
from cloud_service.run_time import run_now_ns
from cloud_service.serve.acknowledge import clean_who
from cloud_service.settings import load_cloud
from cloud_service.state import open_state
from cloud_service.use_lock import take_lock
from cloud_service.wording.dates import iso
from telltale.clock import NS_PER_S, open_clock
from telltale.errors import UserError
from telltale.site import Site

MAX_WHY = 400


def recommission(argv: Sequence[str]) -> int:
    """The command; see `telltale cloud recommission --help`.

    Raises:
        UserError: no such channel or structure, a time that cannot be read, or nobody who answers for it.
    """
    asked = _parser().parse_args(argv)
    cloud = load_cloud(Path(asked.config))
    with take_lock(cloud.data_dir, shared=True), contextlib.closing(open_state(cloud.data_dir)) as state:
        if asked.subject:
            now_ns = run_now_ns(state, open_clock(cloud.file.clock))
            record(state, _events(asked, cloud.site, now_ns))
        for event in read(state):
            print(_line(event))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="telltale cloud recommission",
        description="End the baseline of channels: a new one is learned from the act on. What was judged stays judged."
        " Without a subject: list the acts recorded so far.",
    )
    parser.add_argument("subject", nargs="*", metavar="SUBJECT", help="channel or structure ids")
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="cloud.toml")
    parser.add_argument(
        "--act", choices=[act.value for act in Act], default=Act.RECOMMISSIONED.value, help="what was done"
    )
    parser.add_argument("--who", default="", help="who answers for it")
    parser.add_argument("--why", default="", help="for the audit")
    parser.add_argument("--at", default="", metavar="TIME", help="when, as 2026-05-04T08:00:00+09:00 (now)")
    return parser


def _events(asked: argparse.Namespace, site: Site, now_ns: int) -> list[BaselineEvent]:
    who, why = clean_who(asked.who), clean_who(asked.why, MAX_WHY)
    if not (who and why):
        raise UserError("recommission: nobody answers for it", "give --who and --why")
    declared_ns = _time(asked.at) if asked.at else now_ns
    return [
        BaselineEvent(
            channel=channel,
            act=Act(asked.act),
            declared_ns=declared_ns,
            recorded_ns=now_ns,
            effective_ns=max(declared_ns, now_ns),
            who=who,
            why=why,
        )
        for channel in _channels(asked.subject, site)
    ]


def _channels(subjects: Sequence[str], site: Site) -> list[str]:
    structures = {structure.id: structure for _, structure in site.structures()}
    found: dict[str, None] = {}
    for subject in subjects:
        if subject in structures:
            found.update(dict.fromkeys(channel.id for channel in structures[subject].channels))
        elif subject in site.places:
            found[subject] = None
        else:
            raise UserError(f"recommission: no channel or structure {subject!r}", "expected an id of site.toml")
    return list(found)


def _time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"recommission: --at {text!r} is no time", "write it as 2026-05-04T08:00:00+09:00") from None
    if moment.tzinfo is None:
        raise UserError(f"recommission: --at {text!r} has no offset", "add Z or +09:00")
    return round(moment.astimezone(UTC).timestamp()) * NS_PER_S


def _line(event: BaselineEvent) -> str:
    said = "" if event.declared_ns == event.effective_ns else f" (declared for {iso(event.declared_ns)})"
    return f"{iso(event.effective_ns)}{said}  {event.channel}  {event.act.value}  {event.who}: {event.why}"
