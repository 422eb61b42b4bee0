"""Which readings of a channel have been judged: what comes again (a source that was rewound) is judged once.

Exact for the newest `MAX_SPANS` spans of evenly spaced times, which for a regular channel is all that it ever sent;
beyond that a time counts as judged unless it lies in a gap (`coverage`). Times, not frames, are what is the same: the
frames of a restarted agent are new.
"""

from __future__ import annotations

from bisect import insort

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse import coverage
from cloud_service.analyse.coverage import Coverage
from cloud_service.analyse.piece import Piece
from telltale.clock import NS_PER_S

MAX_SPANS = 256
MAX_SHORT = 16
ROUNDING_NS = 2  # evenly spaced times are rounded to whole ns, one by one
SAME_NS = 1_000

Span = tuple[int, int, int]
"""First and last of so many evenly spaced times."""


class Times(msgspec.Struct):
    """State of one channel.

    Attributes:
        newest_ns: the newest time judged.
        spans: judged times, by their first.
        old: the same of what is older than all spans, coarsely.
        short: start → samples, of the newest windows that were judged with fewer samples than a whole one.
    """

    newest_ns: int = -(2**62)
    spans: list[Span] = []
    old: Coverage = msgspec.field(default_factory=Coverage)
    short: dict[int, int] = {}


def unjudged(times: Times, piece: Piece) -> Piece | None:
    """The rows of `piece` (ascending) that have not been judged, and are from now on; None where all have been."""
    t_ns = piece.t_ns
    channel = piece.place.channel
    is_short = piece.windows is not None and piece.windows.shape[1] < channel.window_samples
    if t_ns.size == 1 and not is_short and int(t_ns[0]) > times.newest_ns:  # by far the most frequent
        _append(times, int(t_ns[0]))
        if len(times.spans) > MAX_SPANS:
            _fold(times, round(channel.interval_s * NS_PER_S))
        return piece
    spacing_ns = round(channel.interval_s * NS_PER_S)
    late = 0 if int(t_ns[0]) > times.newest_ns else int(np.searchsorted(t_ns, times.newest_ns, side="right"))
    keep = np.ones(t_ns.size, dtype=np.bool_)
    for row in range(late):
        keep[row] = _take_late(times, int(t_ns[row]), piece.shape[1], spacing_ns)
    for at_ns in t_ns[late:].tolist():
        _append(times, at_ns)
    if is_short:
        _note_short(times, t_ns[keep], piece.shape[1])
    _fold(times, spacing_ns)
    if keep.all():
        return piece
    return piece.take(np.flatnonzero(keep)) if keep.any() else None


def _append(times: Times, t_ns: int) -> None:
    times.newest_ns = t_ns
    if times.spans and (longer := _extended(times.spans[-1], t_ns)):
        times.spans[-1] = longer
    else:
        insort(times.spans, (t_ns, t_ns, 1))


def _extended(span: Span, t_ns: int) -> Span | None:
    """The span with one more time, where that keeps it evenly spaced."""
    first, last, count = span
    if count > 1 and abs((t_ns - last) - (last - first) / (count - 1)) > ROUNDING_NS:
        return None
    return (first, t_ns, count + 1) if t_ns > last else None


def _take_late(times: Times, t_ns: int, samples: int, spacing_ns: int) -> bool:
    """Whether a time that is not newer than all others has yet to be judged; it has been from now on."""
    if any(_holds(span, t_ns) for span in times.spans):
        return _is_longer(times, t_ns, samples)
    if t_ns <= times.old.last_ns:
        return bool(coverage.take(times.old, np.array([t_ns]), spacing_ns)[0])
    insort(times.spans, (t_ns, t_ns, 1))
    return True


def _holds(span: Span, t_ns: int) -> bool:
    first, last, count = span
    if not first <= t_ns <= last:
        return False
    if count < 3:
        return t_ns in (first, last)
    spacing = (last - first) / (count - 1)
    return abs(t_ns - first - round((t_ns - first) / spacing) * spacing) <= SAME_NS


def _is_longer(times: Times, t_ns: int, samples: int) -> bool:
    """Whether a window that was judged when it was cut short comes again with more samples."""
    if samples <= times.short.get(t_ns, samples):
        return False
    del times.short[t_ns]
    return True


def _note_short(times: Times, t_ns: NDArray[np.int64], samples: int) -> None:
    times.short |= dict.fromkeys(t_ns.tolist(), samples)
    for start in sorted(times.short)[:-MAX_SHORT]:
        del times.short[start]


def _fold(times: Times, spacing_ns: int) -> None:
    """Keep the newest spans, and of older ones what time they cover."""
    for first, last, _ in times.spans[:-MAX_SPANS]:
        coverage.extend(times.old, first, last, spacing_ns)
    del times.spans[:-MAX_SPANS]
