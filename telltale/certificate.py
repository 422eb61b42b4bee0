"""Whose a certificate file is and until when, without `cryptography`: cheap enough for a running agent."""

from __future__ import annotations

import _ssl
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telltale.clock import NS_PER_DAY, NS_PER_S
from telltale.errors import SettingsError

SOON_DAYS = 30


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """A certificate of ours.

    Attributes:
        path: its file.
        name: common name: at the broker, the user and the client id.
        issuer: common name of the authority.
        begins_ns, ends_ns: its validity.
    """

    path: Path
    name: str
    issuer: str
    begins_ns: int
    ends_ns: int

    def problem(self, name: str, now_ns: int) -> str:
        """What stands between it and being let in as `name`; empty where nothing does."""
        if self.name != name:
            return f"belongs to {self.name!r}, and this gateway is {name!r}: the broker will deny its messages"
        if now_ns < self.begins_ns:
            return f"is not valid before {_day(self.begins_ns)}, and the clock says {_day(now_ns)}"
        if now_ns >= self.ends_ns:
            return f"ended on {_day(self.ends_ns)}: the broker lets nobody in with it"
        return ""

    def warning(self, now_ns: int) -> str:
        """That it ends soon; empty where it does not."""
        left_days = (self.ends_ns - now_ns) // NS_PER_DAY
        return f"ends in {left_days} days, on {_day(self.ends_ns)}" if left_days < SOON_DAYS else ""

    def __str__(self) -> str:
        return f"{self.name}, by {self.issuer!r}, valid until {_day(self.ends_ns)}"


def read_certificate(path: Path, setting: str) -> OwnCertificate:
    """The certificate of a PEM file (the first, where it holds a chain).

    Raises:
        SettingsError: it cannot be read; names setting and file.
    """
    try:
        # The one decoder of the standard library; public only for the certificate of a connection's other side.
        found: dict[str, Any] = _ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]  # noqa: SLF001
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{setting}: {path}: no certificate ({error})", "telltale edge enrol says how") from None
    return OwnCertificate(
        path,
        _common_name(found.get("subject", ())),
        _common_name(found.get("issuer", ())),
        _time_ns(found["notBefore"]),
        _time_ns(found["notAfter"]),
    )


def _common_name(name: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    return next((value for part in name for key, value in part if key == "commonName"), "")


def _time_ns(text: str) -> int:
    return int(ssl.cert_time_to_seconds(text)) * NS_PER_S


def _day(t_ns: int) -> str:
    return datetime.fromtimestamp(t_ns // NS_PER_S, UTC).strftime("%Y-%m-%d")
