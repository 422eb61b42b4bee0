"""The notify process: state.db → a real SMTP server, through failures and restarts."""

from __future__ import annotations

import msgspec
import pytest

from cloud_service.notify.notifiers.file import FileSettings
from cloud_service.notify.notifiers.smtp import SmtpSettings
from cloud_service.notify.settings import notify_settings
from cloud_service.store.port import Store
from telltale.clock import NS_PER_DAY
from telltale.errors import RetryError, SettingsError
from telltale.findings import Reason
from tests.cloud_service.notify.process import Notify
from tests.cloud_service.seed.state import CRACK, DEAD, add_incident, add_mail
from tests.cloud_service.seed.store import seed_store
from tests.servers.process import free_port, until
from tests.servers.smtp import Mailbox


def settings(port: int, **values: object) -> SmtpSettings:
    quick = {"poll_s": 0.02, "retry_first_s": 0.05, "retry_most_s": 0.1, "evidence_wait_s": 0.0}
    return msgspec.convert({"kind": "smtp", "port": port, **quick, **values}, SmtpSettings)


def kinds(message) -> list[str]:
    return [part.get_content_type() for part in message.walk()]


async def test_a_mail_says_everything(notify: Notify, smtp_server: Mailbox) -> None:
    await seed_store(notify.folder)
    row = add_mail(notify.state, "inc-crack")
    async with notify.running(settings(smtp_server.port, base_url="http://127.0.0.1:9/x/")):
        await until(lambda: notify.row(row)[0] == "sent", "the mail's state")
    (message,) = smtp_server.messages()
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert message["Subject"] == "Alarm: Inspection gallery: a crack grows"
    for said in (
        "Upper dam",
        "Crack 7",
        "0.77 mm/year against a limit of 0.3 mm/year",
        "self-set: growth that halves the life",
        "November 2026 – January 2028",
        "KST",
        "http://127.0.0.1:9/x/incidents/inc-crack",
    ):
        assert said in text
        assert said in html
    assert "SATURDAY 13 JUNE 2026" in text
    assert "image/png" in kinds(message)
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert picture.get_content().startswith(b"\x89PNG")
    assert len(picture.get_content()) > 10_000


async def test_every_reason_has_a_mail(notify: Notify, smtp_server: Mailbox) -> None:
    rows = [add_mail(notify.state, name, "suspect") for name in ("inc-novelty", "inc-dead", "inc-silent")]
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: all(notify.row(row)[0] == "sent" for row in rows), "the mail's state")
    subjects = [message["Subject"] for message in smtp_server.messages()]
    assert subjects == [
        "Check sensor: Footbridge: it vibrates differently from before",
        "Check sensor: Inspection gallery: a sensor gives impossible values",
        "Check sensor: Gateway gw-dam: a gateway sends nothing",
    ]


async def test_one_mail_lists_every_sensor_with_its_fault(notify: Notify, smtp_server: Mailbox) -> None:
    stuck = msgspec.structs.replace(
        DEAD,
        channel="gallery.crack-7",
        reason=Reason.SENSOR_STUCK,
        value=0.4,
        unit="mm",
        evidence={"equal_readings": 40.0},
    )
    add_incident(notify.state, "inc-stuck", stuck)
    derived = msgspec.structs.replace(DEAD, channel="gallery.crack-7", reason=Reason.SENSOR_DERIVED)
    both = msgspec.json.encode([DEAD, derived])
    notify.state.execute("UPDATE incidents SET findings = ? WHERE id = 'inc-dead'", (both,))
    row = add_mail(notify.state, "inc-dead", "suspect")
    notify.state.execute("UPDATE outbox SET incidents = ?", (msgspec.json.encode(["inc-dead", "inc-stuck"]),))
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(row)[0] == "sent", "the mail's state")
    (message,) = smtp_server.messages()
    assert message["Subject"] == "Check sensor: Inspection gallery: 2 sensors need a check"
    text = " ".join(message.get_body(("plain",)).get_content().split())
    html = message.get_body(("html",)).get_content()
    for said in (
        "a sensor gives impossible values",
        "reads -80 °C",
        "with it: Crack 7: a value is computed from a faulty sensor",
        "stays at 0.4 mm: 40 equal readings in a row",
        "/structures/gallery",
    ):
        assert said in text
        assert said in html
    assert "/incidents/inc-stuck" in html


async def test_a_late_mail_says_when_it_occurred_and_when_it_was_received(notify: Notify, smtp_server: Mailbox) -> None:
    add_incident(notify.state, "inc-late", CRACK, late_ns=20 * NS_PER_DAY)
    row = add_mail(notify.state, "inc-late")
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(row)[0] == "sent", "the mail's state")
    (message,) = smtp_server.messages()
    text = message.get_body(("plain",)).get_content()
    assert message["Subject"].endswith("(received late)")
    assert "Received:  12 June 2026, 18:05 KST (20 days later)" in text


async def test_a_passing_fault_is_tried_again_as_the_same_mail(notify: Notify, smtp_server: Mailbox) -> None:
    smtp_server.answer_next = ["451 not now", "451 not now"]
    row = add_mail(notify.state, "inc-crack")
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(row)[0] == "sent", "the mail's state")
    assert notify.row(row)[1:] == (3, "")
    assert len(smtp_server.envelopes) == 1


async def test_nothing_is_lost_while_nobody_answers_and_over_a_restart(notify: Notify, smtp_server: Mailbox) -> None:
    row = add_mail(notify.state, "inc-crack")
    async with notify.running(settings(free_port())):
        await until(lambda: notify.row(row)[1] >= 2, "the mail's state")
    assert notify.row(row)[0] == "pending"
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(row)[0] == "sent", "the mail's state")
    assert [message["Message-ID"] for message in smtp_server.messages()] == ["<inc-crack.alarm@telltale>"]


async def test_a_refusal_for_ever_is_recorded_with_its_words(notify: Notify, smtp_server: Mailbox) -> None:
    smtp_server.answer_next = ["554 content refused"]
    row = add_mail(notify.state, "inc-crack")
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(row)[0] == "failed", "the mail's state")
    assert "554 content refused" in notify.row(row)[2]


async def test_attempts_end(notify: Notify) -> None:
    row = add_mail(notify.state, "inc-crack")
    async with notify.running(settings(free_port(), attempts=2)):
        await until(lambda: notify.row(row)[0] == "failed", "the mail's state")
    assert notify.row(row)[1] == 2


async def test_an_address_that_smtp_cannot_carry_fails_alone(notify: Notify, smtp_server: Mailbox) -> None:
    bad = add_mail(notify.state, "inc-crack", to="ädä@example.org")
    good = add_mail(notify.state, "inc-novelty", "warn")
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(bad)[0] == "failed" and notify.row(good)[0] == "sent", "the mail's state")
    assert len(smtp_server.envelopes) == 1


async def test_an_incident_that_is_gone_fails_by_name(notify: Notify, smtp_server: Mailbox) -> None:
    row = add_mail(notify.state, "inc-gone")
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(row)[0] == "failed", "the mail's state")
    assert "inc-gone" in notify.row(row)[2]


async def test_a_mail_waits_for_its_evidence(notify: Notify, smtp_server: Mailbox) -> None:
    await seed_store(notify.folder)
    notify.state.execute("INSERT INTO spool (id, body) VALUES (7, x'90')")
    waiting = add_mail(notify.state, "inc-crack", spool_id=7)
    ready = add_mail(notify.state, "inc-novelty", "warn", spool_id=6)
    async with notify.running(settings(smtp_server.port, evidence_wait_s=600.0)):
        await until(lambda: notify.row(ready)[0] == "sent", "the mail's state")
        assert notify.row(waiting)[0] == "pending"
        notify.state.execute("DELETE FROM spool")
        await until(lambda: notify.row(waiting)[0] == "sent", "the mail's state")
    assert all("image/png" in kinds(message) for message in smtp_server.messages())


async def test_a_store_that_is_down_stops_no_mail(notify: Notify, smtp_server: Mailbox) -> None:
    async def fail() -> Store:
        raise RetryError("refused")

    row = add_mail(notify.state, "inc-crack")
    async with notify.running(settings(smtp_server.port, evidence_wait_s=0.2), fail):
        await until(lambda: notify.row(row)[0] == "sent", "the mail's state")
    (message,) = smtp_server.messages()
    assert "image/png" not in kinds(message)
    assert "the database did not answer in time" in " ".join(message.get_body(("plain",)).get_content().split())


async def test_hostile_names_reach_the_mail_as_text(notify: Notify, smtp_server: Mailbox) -> None:
    smuggle = "=?utf-8?q?x=0D=0ABcc:_victim@example.org?= <script>"
    row = add_mail(notify.state, "inc-crack")
    recipients = msgspec.json.encode([{"name": smuggle, "email": "ada@example.org"}])
    finding = msgspec.structs.replace(CRACK, limit_source=smuggle)
    notify.state.execute("UPDATE outbox SET recipients = ?", (recipients,))
    notify.state.execute("UPDATE incidents SET finding = ? WHERE id = 'inc-crack'", (msgspec.json.encode(finding),))
    async with notify.running(settings(smtp_server.port)):
        await until(lambda: notify.row(row)[0] == "sent", "the mail's state")
    (message,) = smtp_server.messages()
    assert message["Bcc"] is None
    assert "<script>" not in message.get_body(("html",)).get_content()


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(SettingsError, match=r"c.toml: notify.kind: 'pigeon': expected one of file, smtp"):
        notify_settings({"kind": "pigeon"}, "c.toml")
    with pytest.raises(SettingsError, match=r"c.toml: notify: top level.*smtp_prot|unknown field `smtp_prot`"):
        notify_settings({"kind": "smtp", "smtp_prot": 1}, "c.toml")
    assert isinstance(notify_settings({}, "c.toml"), FileSettings)
