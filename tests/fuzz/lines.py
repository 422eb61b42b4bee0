"""A parser of InfluxDB line protocol, from its documentation and nothing of ours: what the database would see."""

from __future__ import annotations

import re

FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def parse(line: str) -> tuple[str, dict[str, str], dict[str, float | int | str], int]:
    """(measurement, tags, fields, time in ns) of one line.

    Raises:
        ValueError: not a line.
    """
    head, at = _until(line, 0, " ", quotes=False)
    body, at = _until(line, at + 1, " ", quotes=True)
    stamp = line[at + 1 :]
    name, *pairs = _split(head, ",", quotes=False)
    tags = dict(_pair(pair, quotes=False) for pair in pairs)
    fields = {key: _value(text) for key, text in (_pair(pair, quotes=True) for pair in _split(body, ",", quotes=True))}
    return _unescaped(name), {key: _unescaped(value) for key, value in tags.items()}, fields, int(stamp)


def _until(text: str, at: int, stop: str, *, quotes: bool) -> tuple[str, int]:
    """The text from `at` to the next `stop` that is neither escaped nor in quotes, and where that stands."""
    start, inside = at, False
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 2
            continue
        if quotes and text[at] == '"':
            inside = not inside
        elif not inside and text[at] == stop:
            return text[start:at], at
        elif not inside and text[at] == "\n":
            raise ValueError("the line ends in the middle")
        at += 1
    if inside:
        raise ValueError("a string that is not closed")
    return text[start:at], at


def _split(text: str, mark: str, *, quotes: bool) -> list[str]:
    found, at = [], 0
    while at <= len(text):
        part, end = _until(text, at, mark, quotes=quotes)
        found.append(part)
        at = end + 1
    return found


def _pair(text: str, *, quotes: bool) -> tuple[str, str]:
    key, at = _until(text, 0, "=", quotes=quotes)
    if not key or at >= len(text) - 1:
        raise ValueError(f"no key=value: {text!r}")
    return _unescaped(key), text[at + 1 :]


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)


def _value(text: str) -> float | int | str:
    if text.startswith('"'):
        if len(text) < 2 or not text.endswith('"'):
            raise ValueError(f"no string: {text!r}")
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text.endswith("i") and re.fullmatch(r"-?\d+i", text):
        value = int(text[:-1])
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"beyond 64 bits: {text}")
        return value
    if FLOAT.fullmatch(text) is None:
        raise ValueError(f"no number: {text!r}")
    return float(text)
