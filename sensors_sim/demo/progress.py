"""What the demo says while it plays: the simulated date, and each incident and mail as it happens."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, TextIO

from sensors_sim.demo.layout import Layout, Play
from sensors_sim.demo.summary import blamed
from telltale.clock import NS_PER_DAY, NS_PER_S


class Progress:
    """Prints what is new since it last looked; a rewritten line only on a terminal."""

    def __init__(self, layout: Layout, play: Play, out: TextIO) -> None:
        self._layout = layout
        self._out = out
        self._start_ns = int(datetime.fromisoformat(play.start).replace(tzinfo=UTC).timestamp()) * NS_PER_S
        self._days = play.days
        self._known: set[str] = set()
        self._mails = 0
        self._line = False

    def show(self) -> None:
        """Say what has happened since the last call."""
        for incident in _incidents(self._layout):
            key = f"{incident['id']} {incident['tier']}"
            if key not in self._known:
                self._known.add(key)
                self._print(_sentence(incident))
        mails = len(list(self._layout.mails.glob("*.eml")))
        if mails > self._mails:
            where = "" if self._mails else f", readable on the page and in {self._layout.mails}"
            count = "a mail" if mails - self._mails == 1 else f"{mails - self._mails} mails"
            self._print(f"  {count} sent{where}")
            self._mails = mails
        self._show_date()

    def close(self) -> None:
        """End the rewritten line."""
        if self._line:
            self._out.write("\n")
            self._line = False

    def _show_date(self) -> None:
        if not self._out.isatty():
            return
        now_ns = _now_ns(self._layout)
        day = max(0.0, (now_ns - self._start_ns) / NS_PER_DAY) if now_ns else 0.0
        share = min(1.0, day / self._days)
        bar = "█" * round(30 * share) + "░" * (30 - round(30 * share))
        self._out.write(f"\r{bar} day {day:5.1f} of {self._days:g}")
        self._out.flush()
        self._line = True

    def _print(self, text: str) -> None:
        if self._line:
            self._out.write("\r" + " " * 60 + "\r")
            self._line = False
        self._out.write(text + "\n")
        self._out.flush()


def _sentence(incident: dict[str, Any]) -> str:
    date = datetime.fromtimestamp(incident["opened_ns"] / NS_PER_S, UTC).strftime("%Y-%m-%d")
    where = incident["structure"] or incident["subject"]
    return f"  {date}  {incident['tier']:<8} {where}: {incident['reason']} at {blamed(incident)}"


def _incidents(layout: Layout) -> list[dict[str, Any]]:
    return _read(
        layout, "SELECT id, structure, subject, reason, tier, opened_ns, finding FROM incidents ORDER BY opened_ns"
    )


def _now_ns(layout: Layout) -> int:
    rows = _read(layout, "SELECT value FROM meta WHERE key = 'now_ns'")
    return int(rows[0]["value"]) if rows else 0


def _read(layout: Layout, query: str) -> list[dict[str, Any]]:
    path = layout.cloud_data / "state.db"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]
    except sqlite3.OperationalError:
        return []  # not created yet
