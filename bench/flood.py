"""A flood of malformed frames with good ones between them, through a real broker and the real ingest and analyse.

`python -m bench flood=1000000` is the full form. First a burst as fast as the broker takes it, which shows how many
frames ingest refuses a second; then the flood, at half of that (or at RATE). A broker's queue for the service is one line
for all gateways: above what ingest takes, everybody waits in it, good frames too. Two honest gateways publish good frames
at a steady pace and send again what is not acknowledged in time, as an agent does. Judged from outside: logs, process
ids, the journal's rows, the time from publish to store-ack.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.honest import Honest
from bench.pipeline import rows
from bench.servers import start_broker
from sensors_sim.demo.processes import Child, free_port
from sensors_sim.demo.system import TELLTALE

COUNT, BURST = 40_000, 20_000
SHARE = 0.5  # of what ingest can refuse
HOSTILE, HONEST = 4, 2
TARGET_S = 1.0


@dataclass
class Outcome:
    """What a flood did, as seen from outside.

    Attributes:
        count, seconds: malformed frames published, and until ingest had answered for the last good one.
        latency_s: publish to store-ack of good frames, sorted.
        unanswered, resent: good frames without a store-ack; repeats of good frames.
        journaled_once: every good frame is in the journal exactly once, and nothing else of its gateway.
        taken, rejected: messages that ingest took in, and frames that it refused.
        uncaught: lines of the logs that tell of an uncaught error.
        restarted: process ids that changed.
        dead_letters, runs, journal_mb: of the journal, afterwards.
        rss_mb: process → before, highest and after.
        log_kb: written by all processes.
        refused_rate: frames a second that could be identified and were refused, in the busiest second.
    """

    count: int
    seconds: float
    latency_s: list[float]
    unanswered: int
    resent: int
    journaled_once: bool
    taken: int
    rejected: int
    uncaught: list[str]
    restarted: int
    dead_letters: int
    runs: int
    journal_mb: float
    rss_mb: dict[str, tuple[float, float, float]]
    log_kb: float
    refused_rate: float

    def quantile_s(self, share: float) -> float:
        return self.latency_s[min(int(share * len(self.latency_s)), len(self.latency_s) - 1)]


def site_toml(gateways: list[str]) -> str:
    channels = "".join(
        f'[[facilities.structures.channels]]\nid = "{gateway}.az"\nkind = "vibration"\nunit = "m/s2"\n'
        f'gateway = "{gateway}"\nrate_hz = 1000.0\ninterval_s = 1.024\n'
        for gateway in gateways
    )
    head = '[[facilities]]\nid = "bench"\nname = "Bench"\n[[facilities.structures]]\nid = "span"\nname = "Span"\n'
    return head + channels


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    port = free_port()
    child = start_broker(folder, port)
    try:
        yield port
    finally:
        child.stop()


def flood(folder: Path, count: int, rate: float) -> Outcome:
    """Publish `count` malformed frames, `rate` a second (0: without a pause), and look at what became of everything."""
    hostile = [f"gw-hostile-{index}" for index in range(HOSTILE)]
    honest = [Honest(f"gw-honest-{index}") for index in range(HONEST)]
    (folder / "site.toml").write_text(site_toml([*hostile, *(each.gateway for each in honest)]), encoding="utf-8")
    with ExitStack() as stack:
        port = stack.enter_context(broker(folder))
        config = folder / "cloud.toml"
        config.write_text(f'site = "site.toml"\ndata_dir = "data"\n[broker]\nport = {port}\n', encoding="utf-8")
        children = {}
        for part in ("ingest", "analyse"):
            children[part] = Child(part, [*TELLTALE, "cloud", part, "-c", str(config)], folder / f"{part}.log")
            stack.callback(children[part].stop)
        wait_for_stats(folder / "data", children)
        watch = Watch(children, folder / "data")
        start_s = time.perf_counter()
        asyncio.run(_play(port, count, rate, hostile=hostile, honest=honest, watch=watch))
        seconds = time.perf_counter() - start_s
        time.sleep(2.5)  # the counters are written every 2 s
        return _outcome(folder, count, seconds, honest, watch)


def wait_for_stats(data_dir: Path, children: dict[str, Child]) -> None:
    end = time.monotonic() + 60
    while not all((data_dir / "stats" / f"{part}.json").exists() for part in children):
        for child in children.values():
            child.must_run()
        if time.monotonic() > end:
            raise TimeoutError("the service has not started after 60 s")
        time.sleep(0.05)


class Watch:
    """Memory of the processes, and whether each is still the one that was started."""

    def __init__(self, children: dict[str, Child], data_dir: Path) -> None:
        self.children = children
        self.refused_rate = 0.0
        self._journal = data_dir / "journal.db"
        self._seen = (time.perf_counter(), 0)
        self.before = self._rss_mb()
        self.most = dict(self.before)

    def look(self) -> None:
        now = self._rss_mb()
        self.most = {name: max(self.most[name], now[name]) for name in now}
        now_s, refused = time.perf_counter(), rows(self._journal, "SELECT total(rejected) FROM runs")
        before_s, before = self._seen
        if now_s - before_s >= 1:
            self.refused_rate = max(self.refused_rate, (refused - before) / (now_s - before_s))
            self._seen = (now_s, refused)

    def rss_mb(self) -> dict[str, tuple[float, float, float]]:
        now = self._rss_mb()
        return {name: (self.before[name], self.most[name], now[name]) for name in self.before}

    def ended(self) -> int:
        return sum(child.status() is not None for child in self.children.values())

    def _rss_mb(self) -> dict[str, float]:
        alive = {name: child.pid for name, child in self.children.items() if child.status() is None}
        return {name: psutil.Process(pid).memory_info().rss / 2**20 for name, pid in alive.items()}


async def _play(port: int, count: int, rate: float, *, hostile: list[str], honest: list[Honest], watch: Watch) -> None:
    over = asyncio.Event()
    good = [asyncio.create_task(each.run(port, over)) for each in honest]
    share = (str(count // HOSTILE), str(rate / HOSTILE))
    floods = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.flooder", str(port), gateway, *share)
        for gateway in hostile
    ]
    ends = asyncio.gather(*(process.wait() for process in floods))
    while not ends.done():
        watch.look()
        await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.25)), ends}, return_when=asyncio.FIRST_COMPLETED)
    if any(await ends):
        raise subprocess.SubprocessError("a flooder failed")
    over.set()
    last = asyncio.gather(*good)
    while not last.done():
        watch.look()
        await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.25)), last}, return_when=asyncio.FIRST_COMPLETED)
    await last


def _outcome(folder: Path, count: int, seconds: float, honest: list[Honest], watch: Watch) -> Outcome:
    journal = sqlite3.connect(folder / "data" / "journal.db")
    stats = json.loads((folder / "data" / "stats" / "ingest.json").read_text(encoding="utf-8"))
    logs = [path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("*.log")]
    found = Outcome(
        count=count,
        seconds=seconds,
        latency_s=sorted(latency for each in honest for latency in each.latency_s.values()),
        unanswered=sum(len(each.sent_s) - len(each.latency_s) for each in honest),
        resent=sum(each.resent for each in honest),
        journaled_once=all(_sequences(journal, each) == sorted(each.sent_s) for each in honest),
        taken=stats["messages"],
        rejected=stats["rejected"],
        uncaught=[line[:300] for text in logs for line in text.splitlines() if is_uncaught(line)],
        restarted=watch.ended(),
        dead_letters=journal.execute("SELECT COUNT(*) FROM dead_letter").fetchone()[0],
        runs=journal.execute("SELECT COUNT(*) FROM runs").fetchone()[0],
        journal_mb=(folder / "data" / "journal.db").stat().st_size / 2**20,
        rss_mb=watch.rss_mb(),
        log_kb=sum(map(len, logs)) / 1024,
        refused_rate=watch.refused_rate,
    )
    journal.close()
    return found


def _sequences(journal: sqlite3.Connection, each: Honest) -> list[int]:
    query = "SELECT sequence FROM frames WHERE gateway = ? AND run_id = ? ORDER BY sequence"
    return [sequence for (sequence,) in journal.execute(query, (each.gateway, each.run_id))]


def is_uncaught(line: str) -> bool:
    """A traceback as Python or structlog prints it, or an error of the event loop's."""
    marks = ("Traceback (most recent call last)", '"exc_type"', "exception was never retrieved", "does not foresee")
    return any(mark in line for mark in marks)


def run(folder: Path, count: float = COUNT) -> None:
    (folder / "burst").mkdir()
    (folder / "flood").mkdir()
    burst = flood(folder / "burst", BURST, 0)
    print("burst, as fast as the broker takes it:")
    show(burst)
    rate = float(os.environ.get("RATE", burst.refused_rate * SHARE))
    print(f"flood, {rate:.0f} a second:")
    show(flood(folder / "flood", int(count), rate))


def show(found: Outcome) -> None:
    print(
        f"{found.count} malformed frames from {HOSTILE} gateways in {found.seconds:.0f} s"
        f"; refused at up to {found.refused_rate:.0f} a second; {found.taken} messages taken in, {found.rejected} refused"
    )
    print(
        f"{len(found.latency_s)} good frames between them, publish to store-ack: p50 {found.quantile_s(0.5) * 1e3:.0f} ms,"
        f" p99 {found.quantile_s(0.99) * 1e3:.0f} ms, most {found.latency_s[-1] * 1e3:.0f} ms (target p99 {TARGET_S * 1e3:.0f});"
        f" {found.resent} sent again, {found.unanswered} unanswered; in the journal exactly once: {found.journaled_once}"
    )
    print(f"uncaught errors {len(found.uncaught)}, processes ended {found.restarted}, logs {found.log_kb:.0f} KB")
    print(f"dead letters kept {found.dead_letters}, runs {found.runs}, journal.db {found.journal_mb:.0f} MB")
    for name, (before, most, after) in found.rss_mb.items():
        print(f"{name:<8} RSS {before:.0f} MB before, {most:.0f} at most, {after:.0f} after")
    for line in found.uncaught[:5]:
        print(line)
