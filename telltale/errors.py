"""Failure has types: who may retry, who must give up, whose mistake it was.

Inner code returns or raises one of these; only the runners (agent, service processes, commands) log and retry.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class TelltaleError(Exception):
    """Base of every error that Telltale raises on purpose."""


class UserError(TelltaleError):
    """A mistake in what we were given (settings, file, argument): one clear line, exit status 2.

    Args:
        problem: what is wrong, naming the culprit.
        remedy: what to do about it; printed behind the problem.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = _one_line(problem)
        self.remedy = _one_line(remedy)
        super().__init__(f"{self.problem}: {self.remedy}" if remedy else self.problem)


def _one_line(text: str) -> str:
    """`text` with whatever is not printable (a line break in a quoted file name, a terminal's escape) spelt out."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class SettingsError(UserError):
    """A settings file that cannot be used; names file, key and what was expected."""


class RetryError(TelltaleError):
    """A passing fault (network, busy, server error): the same call may succeed later."""

    def __init__(self, problem: str, after_s: float | None = None) -> None:
        super().__init__(problem)
        self.after_s = after_s


class FatalError(TelltaleError):
    """This part cannot go on without an operator (a corrupt database, a port in use)."""


class RejectReason(StrEnum):
    """Why a frame or a row can never be stored. Sent to the edge, kept with the dead letter."""

    TOO_LARGE = "too_large"
    NOT_A_FRAME = "not_a_frame"
    UNKNOWN_VERSION = "unknown_version"
    IDENTITY_MISMATCH = "identity_mismatch"
    COUNT_MISMATCH = "count_mismatch"
    BAD_BODY = "bad_body"
    BAD_VALUE = "bad_value"
    BAD_NAME = "bad_name"
    UNKNOWN_GATEWAY = "unknown_gateway"
    UNKNOWN_CHANNEL = "unknown_channel"
    STORE_REFUSED = "store_refused"


class RejectedError(TelltaleError):
    """This item can never be accepted: a dead letter, never a retry, never the end of the stream."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


def expected_one_of(names: Iterable[str]) -> str:
    """The remedy for a name that is not known."""
    return "expected one of " + ", ".join(sorted(names))
