"""Starts and ends the whole system: the same commands and settings as on a site, on loopback."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sensors_sim.demo.debian import Program, Say, find_program
from sensors_sim.demo.layout import Layout, Play
from sensors_sim.demo.processes import POLL_S, Child
from sensors_sim.scenarios import find
from sensors_sim.span import Span, parse_start
from telltale.clock import NS_PER_S
from telltale.errors import FatalError

COMMAND_TIMEOUT_S = 120
TELLTALE = (sys.executable, "-c", "import sys; from telltale.cli import main; sys.exit(main())")


class System:
    """Broker, mail sink, service and agent of one run, in that order."""

    def __init__(self, layout: Layout, say: Say) -> None:
        self.layout = layout
        self._say = say
        self._children: list[Child] = []
        self.edge: Child | None = None

    def find_broker(self, build_dir: Path) -> Program:
        """Mosquitto, from the PATH or Debian's package."""
        return find_program("mosquitto", "mosquitto", build_dir, self._say)

    def start(self, mosquitto: Program, play: Play) -> None:
        """Start everything; returns when the page answers and the agent runs.

        Raises:
            FatalError: a part ended or did not come up; names it, with its last words.
        """
        layout = self.layout
        broker = self._child(
            "broker", [str(mosquitto.path), "-c", str(layout.mosquitto_conf)], mosquitto.full_environment()
        )
        sink = self._child(
            "mail-sink",
            [
                sys.executable,
                "-m",
                "sensors_sim.demo.mail_sink",
                "--port",
                str(layout.smtp_port),
                "--dir",
                str(layout.mails),
            ],
        )
        cloud = self._child("cloud", [*TELLTALE, "cloud", "run", "-c", str(layout.cloud_toml)])
        broker.wait_for_port(layout.mqtt_port)
        sink.wait_for_port(layout.smtp_port)
        cloud.wait_for_port(layout.page_port)
        self._announce(play)
        self.edge = self._child("edge", [*TELLTALE, "edge", "run", "-c", str(layout.edge_toml), "--until-drained"])

    def _announce(self, play: Play) -> None:
        """Record what will be done to sensors, as operators plan it: from its day on it counts, at any pace of play."""
        span = Span(parse_start(play.start, "play"), play.days)
        for act in find(play.scenario, "play").acts:
            if act.start_day < play.days:
                at = datetime.fromtimestamp(span.day_ns(act.start_day) // NS_PER_S, UTC).isoformat()
                told = ["--act", act.kind, "--who", act.who, "--why", act.why, "--at", at]
                self._run("recommission", ["cloud", "recommission", act.channel, *told])

    def _run(self, name: str, arguments: Sequence[str]) -> None:
        """A command that ends by itself, on the service's settings."""
        command = [*TELLTALE, *arguments, "-c", str(self.layout.cloud_toml)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT_S)  # noqa: S603 - our own program
        self.layout.log(name).write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode != 0:
            raise FatalError(f"{name} ended with status {done.returncode}: {done.stderr.strip()[-300:]}")

    def _child(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> Child:
        child = Child(name, command, self.layout.log(name), environment)
        self._children.append(child)
        return child

    def watch(self) -> bool:
        """Whether the agent has played everything; raises `FatalError` where a part has ended that should run."""
        for child in self._children:
            if child is not self.edge:
                child.must_run()
        assert self.edge is not None
        if self.edge.status() is None:
            return False
        if self.edge.status() != 0:
            self.edge.must_run()
        return True

    def drain(self, deadline_s: float) -> None:
        """Until the service has analysed, stored and mailed all that it accepted.

        Raises:
            FatalError: not by the deadline; says what is left.
        """
        end = time.monotonic() + deadline_s
        while left := left_over(self.layout.cloud_data):
            self.watch()
            if time.monotonic() > end:
                raise FatalError(f"after {deadline_s:g} s the service still has {left}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End everything, newest first, and wait for each."""
        while self._children:
            self._children.pop().stop()


def left_over(cloud_data: Path) -> str:
    """What a service has accepted and not yet finished, in words; empty when done."""
    journal, state = cloud_data / "journal.db", cloud_data / "state.db"
    newest = _number(journal, "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'frames'")
    analysed = _number(state, "SELECT COALESCE(MAX(value), 0) FROM meta WHERE key = 'offset'")
    spooled = _number(state, "SELECT COUNT(*) FROM spool")
    pending = _number(state, "SELECT COUNT(*) FROM outbox WHERE state = 'pending'")
    parts = {"frames to analyse": newest - analysed, "batches to store": spooled, "mails to send": pending}
    return ", ".join(f"{count} {what}" for what, count in parts.items() if count)


def _number(database: Path, query: str) -> int:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not created yet
