"""The notify process: pending mails → letters → people. A row stays pending until its fate is known."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from cloud_service.heartbeat import Beat, beating_pause, no_beat
from cloud_service.notify.compose import Composer
from cloud_service.notify.message import is_usable
from cloud_service.notify.outbox import OutboxRow, Recipient, is_drained, pending, record, settle
from cloud_service.notify.port import Envelope, MailRefusedError, Notifier, Receipt
from cloud_service.notify.settings import NotifySettings, check, kind_of
from cloud_service.run_time import run_now_ns
from cloud_service.state import open_state
from cloud_service.store_reader import OpenStore, StoreReader
from telltale.clock import NS_PER_S, Clock
from telltale.errors import RetryError
from telltale.site import Site

log = structlog.get_logger(__name__)


async def run(
    settings: NotifySettings,
    *,
    site: Site,
    data_dir: Path,
    open_store: OpenStore,
    clock: Clock,
    stop: asyncio.Event,
    base: Path,
    where: str = "cloud.toml",
    beat: Beat = no_beat,
) -> None:
    """Send mails until `stop` is set.

    Args:
        settings: `[notify]`.
        site: names, time zones, contacts.
        data_dir: the folder of `state.db`.
        open_store: opens the store, for the pictures; may fail, the mails go out without them.
        clock: the run's clock.
        stop: ends the loop after the mail in hand.
        base: the folder that relative paths in the settings start from.
        where: the settings file, for errors.
        beat: called while the work goes on.

    Raises:
        SettingsError: settings that cannot work; names the key.
        FatalError: `state.db` cannot be used.
    """
    check(settings, where)
    notifier = kind_of(settings).open(settings, base, f"{where}: notify")
    state = open_state(data_dir)
    store = StoreReader(open_store)
    mailer = Mailer(settings, state, notifier, Composer(settings, site, state, store), clock, beat)
    try:
        while not stop.is_set():
            await _pass(mailer)
            await beating_pause(settings.poll_s, stop, beat)
    finally:
        await notifier.close()
        await store.close()
        state.close()


async def _pass(mailer: Mailer) -> None:
    """What the disk does not take now (full, busy) stays pending: the same Message-ID if it was sent already."""
    try:
        await mailer.send_due()
    except sqlite3.OperationalError as error:
        log.warning("state.db cannot be used now", error=str(error))


@dataclass(slots=True)
class Mailer:
    """One pass over the outbox at a time. Pauses are kept in memory: after a restart all is due at once."""

    settings: NotifySettings
    state: sqlite3.Connection
    notifier: Notifier
    composer: Composer
    clock: Clock
    beat: Beat = no_beat
    first_seen_ns: dict[int, int] = field(default_factory=dict)
    not_before_ns: dict[int, int] = field(default_factory=dict)

    async def send_due(self) -> None:
        """Send every pending mail whose evidence is ready and whose pause is over."""
        rows = pending(self.state)
        for row in rows:
            self.first_seen_ns.setdefault(row.id, self.clock.monotonic_ns())
        self._forget({row.id for row in rows})
        for row in rows:
            self.beat()
            if self._is_due(row):
                await self._attempt(row)

    def _is_due(self, row: OutboxRow) -> bool:
        if self.clock.monotonic_ns() < self.not_before_ns.get(row.id, 0):
            return False
        return row.attempts > 0 or is_drained(self.state, row) or self._waited_enough(row)

    def _waited_enough(self, row: OutboxRow) -> bool:
        waited_ns = self.clock.monotonic_ns() - self.first_seen_ns[row.id]
        return waited_ns >= self.settings.evidence_wait_s * NS_PER_S

    async def _attempt(self, row: OutboxRow) -> None:
        now_ns = run_now_ns(self.state, self.clock)
        row = _refuse_unusable(row)
        error, receipt = "", Receipt()
        last = row.attempts + 1 >= self.settings.attempts
        try:
            mail = await self.composer.compose(row, now_ns, may_wait=not self._waited_enough(row))
            if mail is None:
                self.not_before_ns[row.id] = self.clock.monotonic_ns() + NS_PER_S
                return
            receipt = await self._hand_over(mail, row)
        except RetryError as problem:
            error = str(problem)
        except MailRefusedError as problem:
            error, last = str(problem), True
        settled = settle(row, _outcomes(row, receipt), now_ns, error, last)
        record(self.state, settled)
        self._pause(settled)
        log.info("mail", row=row.id, incident=row.incident, state=settled.state, error=settled.error)

    async def _hand_over(self, mail: Envelope, row: OutboxRow) -> Receipt:
        addresses = [recipient.email for recipient in row.open_recipients()]
        return await self.notifier.send(mail, addresses) if addresses else Receipt()

    def _pause(self, row: OutboxRow) -> None:
        doubled = self.settings.retry_first_s * 2.0 ** min(row.attempts - 1, 30)
        pause_ns = int(min(doubled, self.settings.retry_most_s) * NS_PER_S)
        self.not_before_ns[row.id] = self.clock.monotonic_ns() + pause_ns

    def _forget(self, still_pending: set[int]) -> None:
        for known in (self.first_seen_ns, self.not_before_ns):
            for row_id in known.keys() - still_pending:
                del known[row_id]


def _refuse_unusable(row: OutboxRow) -> OutboxRow:
    return _with(row, lambda r: r if r.outcome or is_usable(r.email) else _refused(r, "no address that SMTP can carry"))


def _refused(recipient: Recipient, answer: str) -> Recipient:
    return msgspec.structs.replace(recipient, outcome="refused", answer=answer)


def _with(row: OutboxRow, change: Callable[[Recipient], Recipient]) -> OutboxRow:
    return msgspec.structs.replace(row, recipients=tuple(change(recipient) for recipient in row.recipients))


def _outcomes(row: OutboxRow, receipt: Receipt) -> list[Recipient]:
    return [_outcome(recipient, receipt) for recipient in row.recipients]


def _outcome(recipient: Recipient, receipt: Receipt) -> Recipient:
    if recipient.outcome:
        return recipient
    if recipient.email in receipt.accepted:
        return msgspec.structs.replace(recipient, outcome="sent", answer="")
    if recipient.email in receipt.refused:
        return _refused(recipient, receipt.refused[recipient.email])
    return msgspec.structs.replace(recipient, answer=receipt.deferred.get(recipient.email, recipient.answer))
