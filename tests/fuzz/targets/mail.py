"""The mail builder: whatever the names say, the message has the intended headers and addressees, or is refused."""

from __future__ import annotations

from email import message_from_bytes, policy

from cloud_service.notify.message import Head, Letter, build, clean_id, is_usable
from cloud_service.notify.port import MailRefusedError
from tests.fuzz import rfc5322
from tests.fuzz.draw import Draw

INTENDED = sorted(
    (
        "auto-submitted",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "references",
        "subject",
        "to",
    )
)
POLICIES = (policy.default, policy.SMTP, policy.SMTPUTF8, policy.HTTP, policy.compat32)


def target(data: bytes) -> None:
    draw = Draw(data)
    letter = Letter(draw.text(), draw.text(), draw.text(), b"\x89PNG" if draw.number(1) % 2 else None)
    sender = (draw.text(), _address(draw))
    recipients = [(draw.text(), _address(draw)) for _ in range(1 + draw.number(1) % 3)]
    head = Head(clean_id(draw.text(), "b.org"), clean_id(draw.text(), "b.org"), sender, recipients, draw.number(8))
    try:
        content = build(letter, head)
    except MailRefusedError:
        return
    check_message(content, head)


def _address(draw: Draw) -> str:
    """Every second one plain, so that the names get their turn; of the others, those that the service would use."""
    given = draw.text()
    return given if draw.number(1) % 2 and is_usable(given) else "ada@example.org"


def check_message(content: bytes, head: Head) -> None:
    """By a parser that knows nothing of ours, and by the library's under each of its policies."""
    content.decode("ascii")
    fields = rfc5322.fields(content)
    assert sorted(name for name, _ in fields) == INTENDED
    found = dict(fields)
    assert rfc5322.addresses(found["to"]) == [address for _, address in head.recipients]
    assert rfc5322.addresses(found["from"]) == [head.sender[1]]
    for kind in POLICIES:
        parsed = message_from_bytes(content, policy=kind)
        assert sorted(name.lower() for name, _ in parsed.raw_items()) == INTENDED
    for part in rfc5322.parts(content):
        assert {name for name, _ in rfc5322.fields(part)} <= rfc5322.PART_FIELDS
