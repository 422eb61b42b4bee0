"""The analyse process with the synthetic detectors, in this process or as one that a test may kill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cloud_service.alert.settings import AlertSettings
from cloud_service.analyse.detector import Detector
from cloud_service.analyse.run import run
from cloud_service.analyse.settings import AnalyseSettings
from cloud_service.state import open_state
from telltale.clock import Clock, ClockMode, SystemClock, open_clock
from telltale.site_file import load_site
from tests.cloud_service.analyse.detectors import Range, Running

ROOT = Path(__file__).parents[3]


def analyse(
    folder: Path,
    wait: Callable[[float], bool],
    batch_frames: int = 50,
    mode: ClockMode = "data",
    *,
    detectors: Sequence[Detector] = (Range(), Running()),
    clock: Clock | None = None,
    hold_s: float = 120.0,
) -> None:
    run(
        site=load_site(folder / "site.toml"),
        data_dir=folder,
        settings=AnalyseSettings(batch_frames=batch_frames, poll_ms=1, hold_s=hold_s),
        alert=AlertSettings(),
        detectors=detectors,
        clock=clock or open_clock(mode),
        mode=mode,
        wait=wait,
    )


def offset(folder: Path) -> int:
    state = open_state(folder)
    try:
        row = state.execute("SELECT value FROM meta WHERE key = 'offset'").fetchone()
        return int(row[0]) if row else 0
    finally:
        state.close()


def until(folder: Path, last: int) -> Callable[[float], bool]:
    """A `wait` that ends the run once the journal is analysed up to `last`, or after a minute."""
    clock = SystemClock()
    deadline_ns = clock.monotonic_ns() + 60 * 1_000_000_000
    return lambda _: offset(folder) >= last or clock.monotonic_ns() > deadline_ns


def start(folder: Path, last: int, batch_frames: int) -> subprocess.Popen[bytes]:
    program = "import sys; from tests.cloud_service.analyse.process import main; main(sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", program, str(folder), str(last), str(batch_frames)], cwd=ROOT)


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0])
    analyse(folder, until(folder, int(arguments[1])), int(arguments[2]))
