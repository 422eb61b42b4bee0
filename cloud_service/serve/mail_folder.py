"""The folder of sent mails (`.eml`), read for the page; found by Message-ID, each file parsed once."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from email import message_from_binary_file, message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from cloud_service.notify.message import clean_id

MAX_MAIL_BYTES = 10 * 1024 * 1024
MAX_FILES = 5_000
_CID = re.compile(r"cid:([A-Za-z0-9._@-]{1,100})")
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif"})


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail as the page shows it: `html` has its pictures as data: addresses."""

    subject: str
    sender: str
    to: str
    date: str
    html: str
    text: str


class MailFolder:
    """Finds mails by their Message-ID."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[Path, int] = {}
        self._by_id: dict[str, Path] = {}

    def content(self, message_id: str) -> bytes | None:
        """The bytes of a mail, or None where the folder has none of this id."""
        key = comparable(message_id)
        if key not in self._by_id or not self._by_id[key].is_file():
            self._look()
        path = self._by_id.get(key)
        try:
            if path is None or path.stat().st_size > MAX_MAIL_BYTES:
                return None
            return path.read_bytes()
        except OSError:
            return None

    def _look(self) -> None:
        if not self._folder.is_dir():
            return
        files = sorted(self._folder.glob("*.eml"))[:MAX_FILES]
        for path in files:
            try:
                changed_ns = path.stat().st_mtime_ns
                if self._seen.get(path) != changed_ns:
                    self._by_id[_message_id(path)] = path
                    self._seen[path] = changed_ns
            except OSError:
                continue


def comparable(message_id: str) -> str:
    """The part of a Message-ID that the mailer keeps whatever its own domain."""
    return clean_id(message_id, "localhost").partition("@")[0]


def read_mail(content: bytes) -> ReadMail:
    """A mail for people; never raises for odd content."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return ReadMail(
        subject=_header(message, "Subject"),
        sender=_header(message, "From"),
        to=_header(message, "To"),
        date=_header(message, "Date"),
        html=_with_pictures(_body(message, "html"), message),
        text=_body(message, "plain"),
    )


def _message_id(path: Path) -> str:
    with path.open("rb") as file:
        return comparable(str(message_from_binary_file(file, policy=policy.compat32).get("Message-ID", path.stem)))


def _header(message: EmailMessage, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())[:500]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError, KeyError):
        return ""


def _with_pictures(html: str, message: EmailMessage) -> str:
    pictures = {}
    for part in message.walk():
        cid = str(part.get("Content-ID", "")).strip("<> ")
        if cid and part.get_content_type() in _IMAGES:
            data = base64.b64encode(part.get_payload(decode=True) or b"").decode()  # type: ignore[arg-type]
            pictures[cid] = f"data:{part.get_content_type()};base64,{data}"
    return _CID.sub(lambda found: pictures.get(found[1], found[0]), html)
