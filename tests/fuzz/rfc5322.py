"""A minimal parser of mails, from RFC 5322 and RFC 2047 and nothing of `email`: what a strict receiver would see.

Every CR and every LF counts as the end of a line, alone or together, since receivers differ in that.
"""

from __future__ import annotations

import re

PART_FIELDS = frozenset(
    {
        "content-type",
        "content-transfer-encoding",
        "content-id",
        "content-disposition",
        "mime-version",
    }
)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_BOUNDARY = re.compile(rb'boundary="([^"]+)"', re.IGNORECASE)


def fields(content: bytes) -> list[tuple[str, str]]:
    """(name in lower case, unfolded value) of every header field, in order.

    Raises:
        AssertionError: a line of the head that is neither a field nor the folded rest of one.
    """
    found: list[list[bytes]] = []
    for line in _LINE_END.split(content):
        if not line:
            break
        if line[:1] in (b" ", b"\t"):
            assert found, "the head begins with a folded line"
            assert line.strip(), "a folded line of blanks only"
            found[-1].append(line)
            continue
        assert _FIELD.fullmatch(line), f"no header field: {line!r}"
        assert len(line) <= 998, "a line longer than RFC 5322 allows"
        found.append([line])
    return [_split(b"".join(lines)) for lines in found]


def _split(line: bytes) -> tuple[str, str]:
    match = _FIELD.fullmatch(line)
    assert match is not None
    return match[1].decode().lower(), match[2].decode().strip()


def addresses(value: str) -> list[str]:
    """The addresses of a From or To field: quoted strings and comments aside, one to each comma."""
    found = []
    for mailbox in _unquoted(value).split(","):
        inside = re.search(r"<([^<>]*)>", mailbox)
        found.append((inside[1] if inside else mailbox).strip())
    return found


def _unquoted(value: str) -> str:
    """`value` without what stands in quotes or in brackets of a comment."""
    kept, depth, quoted, at = [], 0, False, 0
    while at < len(value):
        char = value[at]
        if char == "\\" and (quoted or depth):
            at += 2
            continue
        if char == '"' and not depth:
            quoted = not quoted
        elif not quoted and char in "()":
            depth += 1 if char == "(" else -1
        elif not quoted and not depth:
            kept.append(char)
        at += 1
    assert not quoted, "a quoted string that is not closed"
    assert depth == 0, "a comment that is not closed"
    return "".join(kept)


def parts(content: bytes) -> list[bytes]:
    """Every part of a multipart message, at every depth, each with its head."""
    found: list[bytes] = []
    for boundary in _BOUNDARY.findall(content):
        pieces = re.split(rb"(?:^|\r\n)--" + re.escape(boundary) + rb"(?:--)?\r\n", content)
        found += [piece for piece in pieces[1:-1] if piece.strip()]
    return found
