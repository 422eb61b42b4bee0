"""`telltale modes FILE …` or `telltale modes -c cloud.toml --structure ID …`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from cloud_service.logs import logs_beside_an_answer
from cloud_service.modal.from_file import read_file
from cloud_service.modal.from_store import read_store
from cloud_service.modal.identify import Mode, identify
from cloud_service.modal.simultaneous import Simultaneous, check_length
from models.modal_assurance import modal_assurance
from telltale.clock import NS_PER_S
from telltale.command_line import CommandParser
from telltale.errors import UserError

METHOD = "SSI-cov (Peeters and De Roeck 1999) by pyOMA2, standard errors by Döhler and Mevel 2013"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed.

    Attributes:
        method: how, with its source.
        channels: the places.
        seconds, rate_hz: of what was analysed.
        modes: lowest first.
        assurance: with `--against`, MAC of each mode (rows) with each earlier one (columns).
        notes: what a reader should know.
    """

    method: str
    channels: tuple[str, ...]
    seconds: float
    rate_hz: float
    modes: list[Mode]
    assurance: list[list[float]] | None = None
    notes: tuple[str, ...] = ()


def modes(argv: Sequence[str]) -> int:
    """Identify the modes and print them; a user's mistake, and what cannot be answered, is a `UserError`."""
    asked = _parser().parse_args(list(argv))
    _check(asked)
    logs_beside_an_answer()
    recording = _recording(asked)
    max_hz = _max_hz(asked, recording.rate_hz)
    check_length(len(recording.samples), recording.rate_hz, asked.min_hz)
    found = identify(recording, asked.min_hz, max_hz, asked.order)
    answer = Answer(
        method=METHOD,
        channels=recording.names,
        seconds=len(recording.samples) / recording.rate_hz,
        rate_hz=recording.rate_hz,
        modes=found,
        assurance=None if asked.against is None else _assurance(asked.against, recording.names, found),
        notes=recording.notes,
    )
    print(msgspec.json.encode(answer).decode() if asked.as_json else _text(answer))
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="telltale modes", description="Frequencies, damping and shapes from simultaneous channels."
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="CSV, Campbell TOA5 or npz of one logger")
    parser.add_argument("--time", default="", metavar="COL", help="column with the time of each row")
    parser.add_argument("--rate-hz", type=float, metavar="R", help="samples a second, for files without times")
    parser.add_argument("--columns", default="", metavar="A,B,…", help="columns to use; all where not given")
    parser.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="cloud.toml: stored waveforms instead of FILE"
    )
    parser.add_argument("--structure", default="", metavar="ID")
    parser.add_argument("--channels", default="", metavar="A,B,…", help="of the structure; all vibration ones if none")
    parser.add_argument("--from", dest="start", default="", metavar="TIME", help="ISO 8601, UTC")
    parser.add_argument("--to", dest="end", default="", metavar="TIME")
    parser.add_argument("--clock-error-s", type=float, metavar="S", help="how well the clocks of gateways agree")
    parser.add_argument("--min-hz", type=float, default=0.5, metavar="F", help="lowest frequency looked for (0.5)")
    parser.add_argument("--max-hz", type=float, metavar="F", help="highest (0.4 of the sample rate, 20 with -c)")
    parser.add_argument("--order", type=int, default=30, metavar="N", help="highest model order (30)")
    parser.add_argument("--against", type=Path, metavar="FILE.json", help="an earlier answer: MAC of the shapes")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print exactly one JSON object")
    return parser


def _check(asked: argparse.Namespace) -> None:
    if (asked.file is None) == (asked.config is None):
        raise UserError("what to analyse", "give a FILE, or -c cloud.toml with --structure")
    if not 0 < asked.min_hz < np.inf:
        raise UserError(f"--min-hz {asked.min_hz:g}", "expected a frequency above 0")
    if asked.max_hz is not None and not asked.min_hz < asked.max_hz < np.inf:
        raise UserError(f"--min-hz {asked.min_hz:g} --max-hz {asked.max_hz:g}", "expected min < max")
    if asked.clock_error_s is not None and not asked.clock_error_s >= 0:
        raise UserError(f"--clock-error-s {asked.clock_error_s:g}", "expected seconds, 0 or more")
    if not 4 <= asked.order <= 100:
        raise UserError(f"--order {asked.order}", "expected 4 to 100")


def _max_hz(asked: argparse.Namespace, rate_hz: float) -> float:
    max_hz = asked.max_hz or 0.4 * rate_hz
    if not asked.min_hz < max_hz <= 0.5 * rate_hz:
        raise UserError(
            f"--max-hz {max_hz:g}", f"expected above {asked.min_hz:g}, up to {0.5 * rate_hz:g} (half the rate)"
        )
    return float(max_hz)


def _recording(asked: argparse.Namespace) -> Simultaneous:
    if asked.file is not None:
        # One logger: what lies beyond its rate cannot be asked for, so that its own stamps are judged at most by that.
        return read_file(asked.file, asked.time, asked.rate_hz, _names(asked.columns), asked.max_hz or 20.0)
    span = (_time_ns(asked.start, "--from", -(2**62)), _time_ns(asked.end, "--to", 2**62))
    asked.max_hz = asked.max_hz or 20.0
    return read_store(
        asked.config,
        asked.structure,
        _names(asked.channels),
        span_ns=span,
        max_hz=asked.max_hz,
        clock_error_s=asked.clock_error_s,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _time_ns(text: str, option: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text}", "expected a time as 2026-01-31T06:00:00") from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int(when.timestamp()) * NS_PER_S


def _assurance(path: Path, names: tuple[str, ...], found: Sequence[Mode]) -> list[list[float]]:
    try:
        earlier = msgspec.json.decode(path.read_bytes(), type=Answer)
    except (OSError, msgspec.DecodeError) as error:
        raise UserError(f"--against {path}: cannot be read ({error})", "expected an answer of --json") from None
    if set(earlier.channels) != set(names):
        raise UserError(f"--against {path}: other channels", f"expected {', '.join(names)}")
    if not found or not earlier.modes:
        return []
    shapes, others = (
        np.array([[mode.shape[name] for name in names] for mode in item]) for item in (found, earlier.modes)
    )
    return [[float(value) for value in row] for row in modal_assurance(shapes, others)]


def _text(answer: Answer) -> str:
    lines = [f"{answer.seconds:.0f} s of {len(answer.channels)} channels at {answer.rate_hz:g} Hz", answer.method, ""]
    lines += ["mode  frequency, Hz      damping, %       shape"]
    for number, mode in enumerate(answer.modes, start=1):
        shape = "  ".join(f"{name} {value:+.2f}" for name, value in mode.shape.items())
        frequency = f"{mode.frequency_hz:.4f} ± {mode.frequency_se_hz:.4f}"
        damping = f"{100 * mode.damping:.2f} ± {100 * mode.damping_se:.2f}"
        lines.append(f"{number:>4}  {frequency:<17}  {damping:<15}  {shape}")
    if not answer.modes:
        lines.append("no mode is stable: see --order, --min-hz and --max-hz")
    if answer.assurance:
        lines += ["", "MAC with the earlier modes (columns)"]
        lines += ["      " + "  ".join(f"{value:.3f}" for value in row) for row in answer.assurance]
    return "\n".join([*lines, "", "± is one standard error", *answer.notes])
