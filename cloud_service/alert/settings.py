"""`[alert]` in `cloud.toml`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from telltale.errors import SettingsError, expected_one_of
from telltale.settings import Settings
from telltale.site import Site

Instant = Annotated[datetime, Meta(tz=True)]


class Maintenance(Settings, frozen=True):
    """A span in which a structure's incidents are recorded, and mailed only if they outlast it.

    Attributes:
        structure: its id; empty: every structure and gateway.
        start, end: TOML date-times with an offset (2026-05-04T08:00:00Z), [start, end).
        why: for the people who read the settings.
    """

    start: Instant
    end: Instant
    structure: str = ""
    why: str = ""


class AlertSettings(Settings, frozen=True):
    """When a finding becomes an incident, and an incident a mail.

    Attributes:
        confirm_evaluations, confirm_min_s: so many evaluations in a row, over so long at least (event time), agree.
        instant_score: an alarm of this score need not last `confirm_min_s`: another evaluation confirms it.
        clear_score, clear_evaluations: an incident is cleared by so many evaluations in a row that are clear and score
            below this (1 is the limit: below 80 % of the gap).
        late_after_h: data older than this is late: a warning in it must still be true when the data has caught up.
        late_hold_h: if nothing newer comes for so long (run's clock), the newest verdict counts as still true.
        repeat_after_h, repeat_after_evaluations: a condition that comes back within the longer of the two re-opens its
            incident, without another mail of that level (a limit is judged every minute, remaining life once a day).
        suspect_every_h: a structure mails its operators about sensors at most so often, listing what failed meanwhile.
        suspect_gather_s: the first such mail waits so long for what fails together.
        maintenance: spans without mails.
    """

    confirm_evaluations: Annotated[int, Meta(ge=1, le=1000)] = 2
    confirm_min_s: Annotated[float, Meta(ge=0)] = 60.0
    instant_score: Annotated[float, Meta(ge=1)] = 1.5
    clear_score: Annotated[float, Meta(gt=0, le=1)] = 0.8
    clear_evaluations: Annotated[int, Meta(ge=1, le=1000)] = 2
    late_after_h: Annotated[float, Meta(gt=0)] = 6.0
    late_hold_h: Annotated[float, Meta(gt=0)] = 1.0
    repeat_after_h: Annotated[float, Meta(ge=0)] = 24.0
    repeat_after_evaluations: Annotated[int, Meta(ge=0)] = 14
    suspect_every_h: Annotated[float, Meta(ge=0)] = 24.0
    suspect_gather_s: Annotated[float, Meta(ge=0)] = 600.0
    maintenance: tuple[Maintenance, ...] = ()


def check(settings: AlertSettings, site: Site, where: str) -> None:
    """What single keys cannot tell.

    Raises:
        SettingsError: a maintenance window that ends before it starts, or of a structure that the site has not.
    """
    known = {structure.id for _, structure in site.structures()}
    for number, item in enumerate(settings.maintenance):
        if item.structure and item.structure not in known:
            remedy = expected_one_of(known)
            raise SettingsError(f"{where}: alert: maintenance[{number}]: no structure {item.structure!r}", remedy)
        if item.end <= item.start:
            raise SettingsError(f"{where}: alert: maintenance[{number}]: ends before it starts", "correct start or end")
