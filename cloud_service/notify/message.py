"""The finished message: headers that cannot be forged by any text, and a body of text, HTML and picture.

Names of structures, contacts and sensors end up in headers. CPython 3.11 decodes an encoded-word in a header value
while it folds, and a line break hidden in one (`=?utf-8?q?x=0D=0ABcc:_a@b.c?=`) becomes a header of its own; other
names make its parser raise errors of many types. So text is stripped of line breaks, control characters and
encoded-words, the head is written here and not by the library (`cloud_service.notify.head_lines`), and the finished
message is parsed again: any header that was not intended is a refusal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import format_datetime
from hashlib import sha256

from cloud_service.notify.head_lines import mailbox, mailboxes, words
from cloud_service.notify.port import MailRefusedError
from cloud_service.wording.dates import moment

MAX_HEADER_CHARS = 150
MAX_ADDRESS_CHARS = 254  # RFC 5321, 4.5.3.1.3: a path of 256 with its brackets
# A dot-atom (RFC 5322, 3.2.3) at a host name (RFC 5321, 4.1.2); neither quoted local parts nor address literals.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*\Z")
_POLICY = policy.SMTP.clone(cte_type="7bit", raise_on_defect=False)
_INTENDED = (
    "Subject",
    "From",
    "To",
    "Date",
    "Message-ID",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
)
CHART_CID = "chart"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, before it is a message.

    Attributes:
        subject, text, html: `html` shows the picture as `cid:chart`.
        chart_png: the picture; None: the letter says why there is none.
    """

    subject: str
    text: str
    html: str
    chart_png: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """Who, to whom, when, and which: the same for every repeat.

    Attributes:
        message_id, thread_id: without angle brackets; mails of one incident share the thread.
        sender: (name, address).
        recipients: (name, address) each.
        date_ns: UTC ns.
    """

    message_id: str
    thread_id: str
    sender: tuple[str, str]
    recipients: Sequence[tuple[str, str]]
    date_ns: int


def clean(text: str) -> str:
    """`text` as one safe header line: no line break, no control or format character, no encoded-word."""
    spaced = "".join(" " if _is_space(char) else char for char in text)
    kept = "".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    # Removing one mark can join the halves of another: until none is left.
    while "=?" in kept or "?=" in kept:
        kept = kept.replace("=?", "").replace("?=", "")
    return " ".join(kept.split())[:MAX_HEADER_CHARS].rstrip()


def clean_id(text: str, domain: str) -> str:
    """A message id from outside as `local@domain` of plain characters."""
    local, _, given = text.strip("<> \t\r\n").partition("@")
    return f"{_atom(local) or 'mail'}@{_atom(given) or domain}"


def is_usable(address: str) -> bool:
    """Whether `address` can stand in a header and an envelope: plain ASCII, as every SMTP server understands it.

    Decided by the grammar alone: the library's parser decodes encoded-words within atoms, and raises what it likes.
    """
    return len(address) <= MAX_ADDRESS_CHARS and _ADDRESS.match(address) is not None and "=?" not in address


def build(letter: Letter, head: Head) -> bytes:
    """The message as bytes: 7-bit, CRLF, the same for the same input.

    Raises:
        MailRefusedError: an address or a header would not come out as intended.
    """
    message = EmailMessage(policy=_POLICY)
    _fill(message, letter)
    _fix_boundaries(message, head.message_id)
    lines = [
        f"Subject: {words(clean(letter.subject))}",
        f"From: {_mailbox(*head.sender)}",
        "To: " + ",\r\n ".join(_mailbox(name, address) for name, address in head.recipients),
        f"Date: {format_datetime(moment(head.date_ns, UTC))}",
        f"Message-ID: <{head.message_id}>",
        f"References: <{head.thread_id}>",
        "Auto-Submitted: auto-generated",
    ]
    content = "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace") + message.as_bytes()
    verify(content, head)
    return content


def verify(content: bytes, head: Head) -> None:
    """Parse the serialised message again and hold it to what was intended.

    Raises:
        MailRefusedError: a header too many or too few, or other addresses than intended.
    """
    parsed = message_from_bytes(content, policy=policy.default)
    found = sorted(name.lower() for name, _ in parsed.raw_items())
    intended = sorted(name.lower() for name in _INTENDED)
    if found != intended:
        odd = sorted(set(found) ^ set(intended)) or ["a header twice"]
        raise MailRefusedError(f"the message would carry other headers than intended: {', '.join(odd)[:200]}")
    values = {name.lower(): str(value) for name, value in parsed.raw_items()}
    if mailboxes(values["to"]) != [address for _, address in head.recipients]:
        raise MailRefusedError("the message would name other recipients than intended")
    if mailboxes(values["from"]) != [head.sender[1]]:
        raise MailRefusedError("the message would name another sender than intended")


def _fill(message: EmailMessage, letter: Letter) -> None:
    message.set_content(_unicode(letter.text), cte="quoted-printable")
    message.add_alternative(_unicode(letter.html), subtype="html", cte="quoted-printable")
    if letter.chart_png is not None:
        page = message.get_payload()[1]  # type: ignore[index]
        assert isinstance(page, EmailMessage)
        page.add_related(
            letter.chart_png,
            "image",
            "png",
            cid=f"<{CHART_CID}>",
            disposition="inline",
            filename="chart.png",
        )


def _unicode(text: str) -> str:
    """`text` with `?` for half characters, which no encoding takes: no alarm fails for the sake of one."""
    return text.encode("utf-8", "replace").decode()


def _fix_boundaries(message: Message, message_id: str) -> None:
    # Random boundaries would make a repeat another mail.
    for index, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"telltale-{index}-{sha256(message_id.encode()).hexdigest()[:24]}")


def _mailbox(name: str, address: str) -> str:
    if not is_usable(address):
        raise MailRefusedError(f"{clean(address)!r} is no address that this mailer can use")
    return mailbox(clean(name), address)


def _atom(text: str) -> str:
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in text)
    return kept.strip(".-")[:100]


def _is_space(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Zl", "Zp", "Zs")
