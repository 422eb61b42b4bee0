"""What every notifier of the registry keeps: a new one is tested by being registered and given a case here."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from cloud_service.notify.message import Head, Letter, build
from cloud_service.notify.notifiers import NOTIFIERS
from cloud_service.notify.port import Envelope, Notifier
from telltale.errors import RetryError
from tests.servers.process import free_port
from tests.servers.smtp import Mailbox

ADDRESSES = ("ada@example.org", "otto@example.org")


class Case:
    """A notifier that works, one that nobody answers, and what arrived."""

    def __init__(self, kind: str, working: Any, failing: Any, arrived: Callable[[], list[bytes]], base: Path) -> None:
        self.kind, self.working, self.failing, self.arrived, self.base = kind, working, failing, arrived, base

    def open(self, settings: Any) -> Notifier:
        entry = NOTIFIERS[self.kind]
        entry.check(settings, "contract")
        return entry.open(settings, self.base, "contract")


@pytest.fixture(params=sorted(NOTIFIERS))
def case(request: pytest.FixtureRequest, tmp_path: Path, smtp_server: Mailbox) -> Case:
    kind = NOTIFIERS[request.param].settings
    if request.param == "file":
        (tmp_path / "taken").write_text("a file where the folder should be", encoding="utf-8")
        files = tmp_path / "mails"
        return Case(
            "file",
            kind(folder="mails"),
            kind(folder="taken"),
            lambda: [path.read_bytes() for path in files.glob("*.eml")],
            tmp_path,
        )
    assert request.param == "smtp", f"notifier {request.param!r} has no case in this file"
    return Case(
        "smtp",
        kind(port=smtp_server.port),
        kind(port=free_port(), timeout_s=2.0),
        lambda: [content for _, _, content in smtp_server.envelopes],
        tmp_path,
    )


def mail() -> Envelope:
    head = Head("m1@telltale", "t1@telltale", ("Telltale", "t@example.org"), [("A", item) for item in ADDRESSES], 0)
    return Envelope("m1@telltale", "t@example.org", build(Letter("S", "Ünïcode\n.dot\n", "<p>h</p>", None), head))


async def test_what_was_accepted_has_arrived_whole(case: Case) -> None:
    notifier = case.open(case.working)
    receipt = await notifier.send(mail(), ADDRESSES)
    assert receipt.accepted == ADDRESSES
    assert not receipt.refused
    assert not receipt.deferred
    (content,) = case.arrived()
    parsed = message_from_bytes(content, policy=policy.default)
    assert parsed["Message-ID"] == "<m1@telltale>"
    assert parsed.get_body(("plain",)).get_content().splitlines() == ["Ünïcode", ".dot"]
    await notifier.close()


async def test_a_repeat_is_the_same_mail(case: Case) -> None:
    notifier = case.open(case.working)
    await notifier.send(mail(), ADDRESSES)
    await notifier.send(mail(), ADDRESSES)
    assert len(set(case.arrived())) == 1


async def test_a_passing_fault_says_retry(case: Case) -> None:
    with pytest.raises(RetryError):
        await case.open(case.failing).send(mail(), ADDRESSES)


async def test_close_twice(case: Case) -> None:
    notifier = case.open(case.working)
    await notifier.close()
    await notifier.close()
