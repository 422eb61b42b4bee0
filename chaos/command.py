"""The command line of a campaign, and its order: undisturbed run, campaign, drain, oracle, report."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random

from chaos.campaign import Campaign, Course
from chaos.disk import unmount_below
from chaos.faults import FAULTS
from chaos.layout import Plan
from chaos.oracle.findings import Verdict
from chaos.oracle.judge import judge
from chaos.oracle.stored import read_influx
from chaos.programs import Programs, find_programs
from chaos.reference import play_reference
from chaos.report import Report, make_report, write_report
from chaos.system import System
from telltale.errors import FatalError, TelltaleError, UserError

MARKER = ".telltale-chaos"
LONG_FAULTS = 100
SHORT_DAYS_PER_S, LONG_DAYS_PER_S = 0.5, 0.25
FAULT_S = 4.0  # about how long one takes, recovery included; on a slow machine the play slows down with it
LEAST_DAYS = 60
DRAIN_DEADLINE_S = 420.0
USER_ERROR = 2
UNSHARED = "TELLTALE_CHAOS_UNSHARED"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        folder, report: of the campaign, and of its report.
        faults, seed, kinds: what is injected.
        plan: what is played.
        mutant: see `chaos.mutants`.
        most_s: no fault is begun after so long; 0: no bound.
    """

    folder: Path
    report: Path
    faults: int
    seed: int
    kinds: tuple[str, ...]
    plan: Plan
    mutant: str
    most_s: float


def main(argv: Sequence[str]) -> int:
    """Run one campaign; 0 where every promise held, 1 where not, 2 for a mistake on the command line."""
    try:
        order = _order(argv)
        _may_mount(argv)
        report = asyncio.run(_with_signals(order))
    except UserError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("chaos: interrupted; everything was ended", file=sys.stderr)
        return 130
    except (TelltaleError, TimeoutError, OSError) as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 1
    print(report.text)
    return 0 if report.holds else 1


def _may_mount(argv: Sequence[str]) -> None:
    """Without root, run again as root of a user namespace, where that is allowed: disks can be filled there."""
    if os.geteuid() == 0 or UNSHARED in os.environ or shutil.which("unshare") is None:
        return
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0:
        os.environ[UNSHARED] = "1"
        os.execvp("unshare", ["unshare", "-rm", sys.executable, "-m", "chaos", *argv])


def _order(argv: Sequence[str]) -> Order:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="The fault campaign.")
    parser.add_argument("--faults", type=int, default=30, help="how many (default 30)")
    parser.add_argument("--seed", type=int, default=1, help="of faults and simulation (default 1)")
    parser.add_argument("--dir", type=Path, default=Path("build/chaos"), help="where the campaign keeps its files")
    parser.add_argument("--report", type=Path, help="folder of the report (default: that of --dir)")
    parser.add_argument("--kinds", default="", help="only these, separated by commas (default: all)")
    parser.add_argument(
        "--books-only", action="store_true", help="loads alone: no site to compare with an undisturbed run"
    )
    parser.add_argument(
        "--load-sensors", type=int, default=8, help="tri-axial sensors at 1 kHz of the load (default 8)"
    )
    parser.add_argument("--mutant", default="", help="a module of chaos.mutants, to see the campaign fail")
    parser.add_argument(
        "--most-minutes", type=float, default=0.0, help="begin no fault after so long (default: no bound)"
    )
    parser.add_argument("--list", action="store_true", help="list the kinds of faults and end")
    use = parser.parse_args(argv)
    if use.list:
        print("\n".join(FAULTS))
        raise SystemExit(0)
    kinds = tuple(name.strip() for name in use.kinds.split(",") if name.strip())
    for name in kinds:
        if name not in FAULTS:
            raise UserError(f"--kinds: no fault {name!r}", "--list names them")
    if use.faults < 1:
        raise UserError(f"--faults {use.faults}: expected 1 or more")
    return Order(
        use.dir, use.report or use.dir, use.faults, use.seed, kinds, _plan(use), use.mutant, 60 * use.most_minutes
    )


def _plan(use: argparse.Namespace) -> Plan:
    days_per_s = LONG_DAYS_PER_S if use.faults >= LONG_FAULTS else SHORT_DAYS_PER_S
    days = 0 if use.books_only else max(LEAST_DAYS, ceil(use.faults * FAULT_S * days_per_s))
    return Plan(use.seed, days, days_per_s, use.load_sensors)


async def _with_signals(order: Order) -> Report:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await run(order)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def run(order: Order) -> Report:
    """The whole campaign.

    Raises:
        FatalError: a process did not come up, or the drain did not end by its deadline.
    """
    began_s = time.monotonic()
    folder = order.folder.resolve()
    _empty(folder)
    programs = find_programs(_say)
    reference = await _reference(folder, order, programs)
    system = System(folder / "campaign", order.plan, programs, order.mutant)
    campaign = Campaign(system, Random(order.seed), order.faults, _say, order.kinds or None, order.most_s)  # noqa: S311 - seeded faults
    left, stored = "", {}
    try:
        await system.start()
        _say(f"campaign: {order.faults} faults, seed {order.seed}")
        course = await campaign.run()
        _say("draining")
        try:
            await campaign.drain(DRAIN_DEADLINE_S)
        except FatalError as error:
            left = str(error)
        stored = await read_influx(system.influx)
    finally:
        await system.stop()
    verdict = judge(system, course, stored, reference)
    if left:
        verdict.complaints.add("not drained", left)
    return _report(order, system, course, verdict, time.monotonic() - began_s)


async def _reference(folder: Path, order: Order, programs: Programs) -> Path | None:
    if not order.plan.days:
        return None
    _say(f"undisturbed run: {order.plan.days} days")
    reference = folder / "reference"
    await play_reference(reference, order.plan, programs, DRAIN_DEADLINE_S + order.plan.days)
    return reference


def _report(order: Order, system: System, course: Course, verdict: Verdict, took_s: float) -> Report:
    report = make_report((order.faults, order.seed), system, course, verdict, took_s)
    write_report(order.report, report)
    return report


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise UserError(f"{folder} is not empty and no campaign made it", "give another folder with --dir")
        unmount_below(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()


def _say(text: str) -> None:
    print(text, flush=True)
