"""Whatever a registered detector says reaches people whole: what, how bad, how sure, by which limit, on what evidence,
what to do by when. Each member's own verdict is put into a mail, on its incident's page and on its channel's page.
"""

from __future__ import annotations

import html
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest

from cloud_service.journal.writer import open_journal
from cloud_service.notify import outbox
from cloud_service.notify.compose import Composer
from cloud_service.notify.notifiers.file import FileSettings
from cloud_service.serve.app import create_app
from cloud_service.serve.service import Service
from cloud_service.serve.settings import ServeSettings
from cloud_service.state import open_state
from cloud_service.store import STORES
from cloud_service.store_reader import StoreReader
from cloud_service.wording.badness import badness
from cloud_service.wording.certainty import certainty
from cloud_service.wording.evidence import WORDED, facts
from cloud_service.wording.reasons import WORDS
from cloud_service.wording.sources import limit_from
from telltale.clock import DataClock
from telltale.findings import Reason, Tier
from telltale.kinds import KINDS
from tests.contract.told import Case, cases

BASE = "http://127.0.0.1:8080"
# The vocabulary has them; it takes a clock, or neighbours, to say them.
NOT_SAID = {"sensor_drift", "sensor_clock", "gateway_clock"}
every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


class Told:
    """A service that knows one incident and nothing else."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.case, self.state = case, open_state(folder, durable=False)
        kind = STORES["sqlite"]
        self.open_store = partial(kind.open, kind.settings(), case.site, folder)
        self.service = Service(
            settings=ServeSettings(),
            site=case.site,
            data_dir=folder,
            state=self.state,
            journal=open_journal(folder, durable=False),
            store=StoreReader(self.open_store),
            mails=None,
            clock=DataClock(case.finding.t_ns),
        )
        self._record()

    def _record(self) -> None:
        finding = self.case.finding
        place = self.case.site.places.get(finding.channel)
        where = (place.facility.id, place.structure.id) if place else ("f", "")
        body, t_ns = msgspec.json.encode(finding), finding.t_ns
        self.state.execute(
            "INSERT INTO incidents VALUES ('one', ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, NULL, ?, ?, '[]')",
            (*where, finding.channel, finding.reason.value, finding.tier.value, *[t_ns] * 4, body,
             msgspec.json.encode([finding.channel])),
        )  # fmt: skip
        now = msgspec.json.encode({finding.reason.value: finding})
        self.state.execute("INSERT INTO channel_now VALUES (?, ?, NULL, ?)", (finding.channel, t_ns, now))
        if self.case.life is not None:
            life = msgspec.json.encode(self.case.life)
            self.state.execute("INSERT INTO life_now VALUES (?, ?)", (finding.channel, life))
        self.state.execute(
            "INSERT INTO outbox (incident, tier, message_id, created_ns, spool_id, recipients) VALUES ('one', ?, '<m@t>', ?, 0, ?)",
            (finding.tier.value, t_ns, msgspec.json.encode([{"name": "Ada", "email": "ada@example.org"}])),
        )

    async def mail(self) -> EmailMessage:
        store = await self.open_store()
        await store.write(list(self.case.rows))
        await store.close()
        composer = Composer(FileSettings(), self.case.site, self.state, self.service.store)
        (row,) = outbox.pending(self.state)
        envelope = await composer.compose(row, self.case.finding.t_ns, may_wait=False)
        assert envelope is not None
        return message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[return-value]

    async def page(self, path: str) -> str:
        transport = httpx.ASGITransport(create_app(self.service), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            answer = await client.get(path)
        assert answer.status_code == 200
        return plain(answer.text)

    async def close(self) -> None:
        await self.service.store.close()
        self.state.close()
        self.service.journal.close()


def plain(text: str) -> str:
    return " ".join(html.unescape(text).split())


def what_must_be_said(case: Case) -> dict[str, str]:
    finding, place = case.finding, case.site.places.get(case.finding.channel)
    words, unit = WORDS[finding.reason], KINDS[place.channel.kind].base_unit if place else ""
    said = {
        "what": words.meaning,
        "what to do": words.action,
        "how bad": badness(finding),
        "source of the limit": limit_from(finding),
        "how sure": certainty(finding, place.structure if place else None),
    }
    return said | {f"evidence {label}": value for label, value in facts(finding, unit)}


@every_case
async def test_mail_and_pages_say_all_of_it(case: Case, tmp_path: Path) -> None:
    told = Told(tmp_path, case)
    try:
        mail = await told.mail()
        texts = {kind: plain(mail.get_body((kind,)).get_content()) for kind in ("plain", "html")}  # type: ignore[union-attr]
        incident = await told.page("/incidents/one")
        texts["incident"] = incident
        if case.finding.channel in case.site.places:
            texts["channel"] = await told.page(f"/channels/{case.finding.channel}")
        for what, said in what_must_be_said(case).items():
            assert said, f"{what} is empty"
            for where, text in texts.items():
                assert plain(said) in text, f"{what} is not in {where}"
        assert "WHAT TO DO, BY" in texts["plain"]
        assert "What to do, by" in incident
        pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
        is_of_channel = case.finding.channel in case.site.places  # a gateway has no readings to draw
        silent = case.finding.reason is Reason.SILENT_CHANNEL  # its picture is what did not come
        assert pictures or silent or not is_of_channel, "no picture of the data behind it"
        assert "data-chart=" in incident or not is_of_channel
        if case.life is not None and case.life.refused is None and case.finding.tier is not Tier.SUSPECT:
            for where in ("plain", "html", "incident"):
                assert "probability" in texts[where]
                assert all(assumption in texts[where] for assumption in case.life.assumptions), where
    finally:
        await told.close()


def test_every_reason_of_the_vocabulary_is_said_by_a_member() -> None:
    assert {case.finding.reason for case in cases()} >= {reason for reason in Reason if reason.value not in NOT_SAID}


@every_case
def test_evidence_is_put_into_words(case: Case) -> None:
    """A key that nobody has put into words is shown as it is, without its unit."""
    assert set(case.finding.evidence) <= WORDED | {"score", "value", "limit"}  # the last as `finite` tells them
