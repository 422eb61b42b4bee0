"""The analyse process: follows the journal until told to stop."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from cloud_service.alert.settings import AlertSettings
from cloud_service.alert.stages import Stages
from cloud_service.analyse.allocator import keep_freed_memory
from cloud_service.analyse.analysis import Analysis
from cloud_service.analyse.commit import load_state, read_meta
from cloud_service.analyse.gates import Gates
from cloud_service.analyse.gateway_watch import Gateways
from cloud_service.analyse.held import read_tickets
from cloud_service.analyse.report import Reporter
from cloud_service.analyse.settings import AnalyseSettings
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.analyse.tail import JournalTail, Wait
from cloud_service.gate_record import read_gates
from cloud_service.journal.reader import JournalReader
from cloud_service.journal.writer import open_journal
from cloud_service.process_stats import write_stats
from cloud_service.state import open_state
from telltale.clock import NS_PER_S, Clock, ClockMode
from telltale.site import Site

if TYPE_CHECKING:
    import sqlite3

    from cloud_service.analyse.detector import Detector
    from cloud_service.analyse.life_models import LifeModels
    from cloud_service.analyse.outcome import StepResult
    from cloud_service.journal.reader import Record

log = structlog.get_logger(__name__)

TICK_NS = NS_PER_S  # how often silence is looked at, machine time
FULL_WAIT_S = 1.0
BESIDE_SHARE = 0.25  # of a batch is read beside frames that waited, so that the gates empty and nobody else waits long


@dataclass(slots=True)
class AnalyseCounters:
    """Since the process started; see `cloud_service.process_stats`."""

    batches: int = 0
    frames: int = 0
    samples: int = 0
    findings: int = 0
    skipped: int = 0
    detector_faults: int = 0

    def count(self, result: StepResult) -> None:
        """One more batch."""
        self.batches += 1
        self.frames += result.frames
        self.samples += result.samples
        self.findings += len(result.judged)
        self.skipped += len(result.skips)
        self.detector_faults += len(result.faults)


def run(
    *,
    site: Site,
    data_dir: Path,
    settings: AnalyseSettings,
    alert: AlertSettings,
    detectors: Sequence[Detector],
    life_models: LifeModels = MappingProxyType({}),
    clock: Clock,
    mode: ClockMode,
    wait: Wait,
    idle: Wait | None = None,
) -> None:
    """Analyse what comes until `wait` says stop.

    Args:
        site: what is monitored.
        data_dir: holds `journal.db` (read) and `state.db` (written).
        settings: `[analyse]`.
        alert: `[alert]`.
        detectors: in the order in which they run.
        life_models: of the site's assets.
        clock: the run's clock.
        mode: which clock that is.
        wait: waits up to so many seconds; True ends the run.
        idle: the same where nothing was found, and may return as soon as something may be there; None: `wait`.

    Raises:
        FatalError: a database that cannot be used.
        sqlite3.Error: a commit failed; nothing of its batch was kept, and a new start resumes there.
    """
    keep_freed_memory()
    with ExitStack() as stack:
        journal = stack.enter_context(closing(open_journal(data_dir)))
        reader = stack.enter_context(closing(JournalReader(open_journal(data_dir))))
        state = stack.enter_context(closing(open_state(data_dir)))
        clock.observe(read_meta(state, "now_ns"))
        states = States(partial(load_state, state))
        gateways = Gateways(site, settings, states, journal, mode)
        gateways.restart(clock.now_ns())
        analysis = Analysis(
            site=site,
            state=state,
            states=states,
            clock=clock,
            mode=mode,
            reader=reader,
            gates=Gates(reader, states, settings, read_tickets(state), read_gates(state)),
            step=Step(site, detectors, settings.waveform_every, mode, life_models=life_models),
            stages=Stages(site, alert),
            gateways=gateways,
        )
        tail = JournalTail(reader, journal, settings, max(read_meta(state, "read"), read_meta(state, "offset")))
        log.info("analysing", channels=len(site.places), detectors=len(detectors), offset=tail.offset)
        _follow(
            analysis=analysis,
            tail=tail,
            reporter=Reporter(reader),
            state=state,
            data_dir=data_dir,
            settings=settings,
            clock=clock,
            wait=wait,
            idle=idle or wait,
        )


def _follow(
    *,
    analysis: Analysis,
    tail: JournalTail,
    reporter: Reporter,
    state: sqlite3.Connection,
    data_dir: Path,
    settings: AnalyseSettings,
    clock: Clock,
    wait: Wait,
    idle: Wait,
) -> None:
    next_tick_ns = clock.monotonic_ns()
    pause_s, rest = 0.0, wait
    counters = AnalyseCounters()
    while not rest(pause_s):
        if _is_full(state, settings.spool_max_bytes):
            log.warning("state.db is full: the store takes nothing", limit_bytes=settings.spool_max_bytes)
            pause_s = FULL_WAIT_S
            continue
        began_ns = clock.monotonic_ns()
        records = tail.read(BESIDE_SHARE if analysis.ajar else 1.0)
        if records or analysis.ajar:
            result = analysis.take(records, tail.offset)
            counters.count(result)
            reporter.report(result)
        rest = wait if records or analysis.ajar else idle
        pause_s = _pause_s(records, (clock.monotonic_ns() - began_ns) / NS_PER_S, settings)
        if analysis.ajar:
            pause_s = 0.0
        if clock.monotonic_ns() >= next_tick_ns:
            analysis.look(tail.offset)
            analysis.tick(caught_up=tail.is_near_end())
            with contextlib.suppress(OSError):  # counters are not worth the process
                write_stats(data_dir, "analyse", asdict(counters))
            next_tick_ns = clock.monotonic_ns() + TICK_NS


def _pause_s(records: Sequence[Record], took_s: float, settings: AnalyseSettings) -> float:
    """How long to let frames gather. Each batch costs the same for every channel however little it brings, so under
    load a small one is followed by a rest as long as itself: the next is larger, and a frame costs half. None when the
    process is behind, which large batches show.
    """
    if not records:
        return settings.poll_ms / 1000
    size = sum(len(record.payload) for record in records)
    if 2 * len(records) >= settings.batch_frames or 2 * size >= settings.batch_bytes:
        return 0.0
    return min(took_s, settings.gather_ms / 1000)


def _is_full(state: sqlite3.Connection, most: int) -> bool:
    pages, free, size = (
        int(state.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size > most
