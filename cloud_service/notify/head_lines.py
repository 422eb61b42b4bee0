"""Text in a mail's head: plain where it is plain, else as encoded-words (RFC 2047) that hold no line break."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

WORD_BYTES = 45  # 60 characters of base64; an encoded-word has at most 75 (RFC 2047, 2)
_PLAIN_WORDS = re.compile(r"[ -~]{0,900}\Z")  # an unstructured field (RFC 5322, 2.2.1); a line has at most 998
_ATOMS = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*\Z")  # a phrase (RFC 5322, 3.2.5) that needs no quotes


def words(text: str) -> str:
    """One clean line of text as the value of a field such as Subject."""
    return text if _PLAIN_WORDS.match(text) and "=?" not in text else _encoded(text)


def mailbox(name: str, address: str) -> str:
    """`name <address>` for From and To. Whatever is not letters and digits is encoded, never quoted."""
    if not name:
        return f"<{address}>"
    return f"{name if _ATOMS.match(name) else _encoded(name)} <{address}>"


def mailboxes(value: str) -> list[str]:
    """The addresses in a value that `mailbox` made: no name can hold an angle bracket."""
    return re.findall(r"<([^<>]*)>", value)


def _encoded(text: str) -> str:
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=" for chunk in _chunks(text))


def _chunks(text: str) -> Iterator[bytes]:
    """`text` in pieces of whole characters, each short enough for one encoded-word."""
    chunk = b""
    for char in text:
        octets = char.encode()
        if len(chunk) + len(octets) > WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += octets
    yield chunk
