"""A row of the outbox → the finished mail, with its picture where the store can give one."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from urllib.parse import quote

from cloud_service.incident_record import IncidentRecord, find_incident, life_of
from cloud_service.notify.chart import draw
from cloud_service.notify.evidence import read_series
from cloud_service.notify.facts import MAX_SENSORS, Facts, gather, gather_sensors
from cloud_service.notify.group_picture import read_apart
from cloud_service.notify.letter import write
from cloud_service.notify.message import Head, build, clean_id, is_usable
from cloud_service.notify.outbox import OutboxRow
from cloud_service.notify.port import Envelope, MailRefusedError
from cloud_service.notify.settings import NotifySettings
from cloud_service.store_reader import StoreReader
from telltale.errors import RetryError
from telltale.findings import Life, Reason, Tier
from telltale.site import Site

NO_READINGS = "There is no picture: the store holds no readings of this place to draw."
STORE_DOWN = (
    "There is no picture: the database did not answer in time, and this message did not wait for it. "
    "The page shows the readings."
)
NO_SERIES = "There is no picture: a gateway has no readings of its own to draw."


@dataclass(frozen=True, slots=True)
class Composer:
    """Reads what belongs to a mail and writes it."""

    settings: NotifySettings
    site: Site
    state: sqlite3.Connection
    store: StoreReader

    async def compose(self, row: OutboxRow, now_ns: int, *, may_wait: bool) -> Envelope | None:
        """The mail of `row`; None when its picture cannot be read yet and `may_wait` allows to come back later.

        Raises:
            MailRefusedError: the mail cannot be written; its incident is gone, or a header would be forged.
        """
        incident = find_incident(self.state, row.incident)
        if incident is None:
            raise MailRefusedError(f"incident {row.incident} is not in state.db")
        facts = gather(self.site, incident, Tier(row.tier), self._life(incident), row.created_ns)
        if len(row.about) > 1:
            facts = self._with_all(row, facts)
        try:
            chart, because = await self._chart(incident, facts, now_ns)
        except RetryError:
            if may_wait:
                return None
            chart, because = None, STORE_DOWN
        letter = write(facts, self._link_of(row, incident), chart, because)
        head = self._head(row)
        return Envelope(head.message_id, self.settings.sender, build(letter, head))

    async def _chart(self, incident: IncidentRecord, facts: Facts, now_ns: int) -> tuple[bytes | None, str]:
        if incident.reason in (Reason.SILENT_GATEWAY, Reason.GATEWAY_CLOCK):
            return None, NO_SERIES
        place = self.site.places.get(incident.finding.channel)
        if place is None:
            return None, NO_READINGS
        series = await read_apart(self.store, place, incident, now_ns)
        series = series or await read_series(self.store, place.channel, incident, now_ns)
        if series is None:
            return None, NO_READINGS
        return await asyncio.to_thread(draw, series, incident.occurred_ns, facts.zone), ""

    def _life(self, incident: IncidentRecord) -> Life | None:
        return life_of(self.state, incident.finding.channel)

    def _with_all(self, row: OutboxRow, first: Facts) -> Facts:
        found = [find_incident(self.state, name) for name in row.about[:MAX_SENSORS]]
        known = [incident for incident in found if incident is not None]
        return gather_sensors(self.site, known, [self._link(incident) for incident in known], first, len(row.about))

    def _link_of(self, row: OutboxRow, incident: IncidentRecord) -> str:
        if len(row.about) > 1:
            return f"{self._base}/structures/{quote(incident.structure, safe='')}"
        return self._link(incident)

    def _link(self, incident: IncidentRecord) -> str:
        return f"{self._base}/incidents/{quote(incident.id, safe='')}"

    @property
    def _base(self) -> str:
        return self.settings.base_url.rstrip("/")

    def _head(self, row: OutboxRow) -> Head:
        domain = self.settings.sender.rpartition("@")[2]
        message_id = clean_id(row.message_id, domain)
        return Head(
            message_id=message_id,
            thread_id=clean_id(f"incident.{row.incident}", message_id.rpartition("@")[2]),
            sender=(self.settings.sender_name, self.settings.sender),
            recipients=[(r.name, r.email) for r in row.recipients if is_usable(r.email)],
            date_ns=row.created_ns,
        )
