"""`telltale backtest -c cloud.toml --from DATE --to DATE [--set key=value …]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cloud_service.backtest.changes import KEYS, as_set, changed, parse_change
from cloud_service.backtest.compare import Compared, Count, Day, compare
from cloud_service.backtest.history import History
from cloud_service.backtest.trial import Told
from cloud_service.logs import logs_beside_an_answer
from cloud_service.settings import load_cloud
from cloud_service.use_lock import take_lock
from cloud_service.whole_number import whole_number
from cloud_service.wording.dates import iso
from telltale.clock import NS_PER_DAY
from telltale.command_line import CommandParser
from telltale.errors import UserError

MOST_SHOWN = 20
COLUMNS = ("warn", "alarm", "suspect", "mails")


def backtest(argv: Sequence[str]) -> int:
    """Replay stored history as set and as changed; print alerts a day before and after.

    Raises:
        UserError: a key, a value or a date that cannot be used, or a span of which nothing is stored; names it.
    """
    asked = _parser().parse_args(argv)
    logs_beside_an_answer()
    start_ns, end_ns = _moment("--from", asked.start), _moment("--to", asked.end)
    if end_ns <= start_ns:
        raise UserError(f"--to {asked.end}", f"expected a time after --from {asked.start}")
    cloud = load_cloud(Path(asked.config))
    changes = [parse_change(text) for text in asked.changes]
    before, after = as_set(cloud), changed(cloud, changes)
    with take_lock(cloud.data_dir, shared=True):
        found = compare(
            History(cloud),
            before,
            after,
            learn_ns=start_ns - asked.learn_days * NS_PER_DAY,
            start_ns=start_ns,
            end_ns=end_ns,
        )
    print(_as_json(found) if asked.as_json else "\n".join(_lines(found, asked.learn_days)))
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="telltale backtest",
        description="Stored history against changed settings: alerts a day before and after. Reads only, also beside a"
        " running service. Who falls silent is not asked.",
    )
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="cloud.toml")
    parser.add_argument("--from", dest="start", required=True, metavar="DATE", help="first day, or a time (UTC)")
    parser.add_argument("--to", dest="end", required=True, metavar="DATE", help="end of the span, not part of it")
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], metavar="KEY=VALUE", help=f"{KEYS}; may be repeated"
    )
    parser.add_argument(
        "--learn-days",
        type=whole_number(0, 3_650),
        default=30,
        metavar="N",
        help="days before the span that detectors learn from, as far as they are stored (30)",
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="print exactly one JSON object")
    return parser


def _moment(option: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"{option} {text}", "expected a date such as 2026-03-01, or a time such as 2026-03-01T06:00"
        ) from None
    at = found if found.tzinfo else found.replace(tzinfo=UTC)
    return round(at.timestamp()) * 1_000_000_000


def _as_json(found: Compared) -> str:
    total = {"before": _total(day.before for day in found.days), "after": _total(day.after for day in found.days)}
    return msgspec.json.encode(
        {
            "days": found.days,
            "total": total,
            "gone": found.gone,
            "new": found.new,
            "samples": found.samples,
            "lost_windows": found.lost_windows,
            "faults": found.faults,
        }
    ).decode()


def _total(counts: Iterator[Count]) -> Count:
    return Count(*map(sum, zip(*(msgspec.structs.astuple(count) for count in counts), strict=True)))


def _lines(found: Compared, learn_days: int) -> Iterator[str]:
    yield "alerts a day, before → after"
    yield "day (UTC)   " + "".join(f"{name:>12}" for name in COLUMNS)
    total = Day("total", _total(day.before for day in found.days), _total(day.after for day in found.days))
    for day in (*found.days, total):
        cells = (f"{getattr(day.before, name)} → {getattr(day.after, name)}" for name in COLUMNS)
        yield f"{day.day:<12}" + "".join(f"{cell:>12}" for cell in cells)
    yield from _listed("no longer told", found.gone)
    yield from _listed("told only after the change", found.new)
    yield ""
    yield f"{found.samples:,} samples judged, with up to {learn_days} days before the span to learn from"
    if found.lost_windows:
        yield f"{found.lost_windows:,} windows are left out: the store keeps their features, no longer their samples"
    yield from (f"left out: {fault}" for fault in found.faults)


def _listed(title: str, told: Sequence[Told]) -> Iterator[str]:
    if not told:
        return
    yield ""
    yield f"{title}: {len(told)}"
    for one in told[:MOST_SHOWN]:
        figures = f"{one.value:.4g} against {one.limit:.4g} {one.unit}".rstrip()
        yield f"  {iso(one.t_ns)}  {one.tier.value:<7}  {one.channel}: {one.reason.value}, {figures}"
    if len(told) > MOST_SHOWN:
        yield f"  and {len(told) - MOST_SHOWN} more"
