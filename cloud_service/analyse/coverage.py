"""What time a stream has covered, so that late rows are counted once: those that fall into a gap are new.

For detectors that sum (cycles, damage). Detectors that average need it not.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_GAPS = 64  # the oldest are forgotten first: what is later than that is not counted


class Coverage(msgspec.Struct):
    """Covered up to and including `last_ns`, but for the gaps (open intervals between covered rows)."""

    last_ns: int = -(2**62)
    gaps: list[tuple[int, int]] = []


def take(coverage: Coverage, t_ns: NDArray[np.int64], spacing_ns: int) -> NDArray[np.bool_]:
    """Which of the ascending times (k,) are new; changes `coverage`.

    Args:
        coverage: changed in place.
        t_ns: (k,) row times.
        spacing_ns: the stream's usual spacing; more than 1.5 times that between two rows is a gap.
    """
    new = np.zeros(t_ns.size, dtype=np.bool_)
    late = int(np.searchsorted(t_ns, coverage.last_ns, side="right"))
    for row in range(late):
        new[row] = _fill(coverage, int(t_ns[row]), spacing_ns)
    if late < t_ns.size:
        new[late:] = True
        _advance(coverage, t_ns[late:], spacing_ns)
    return new


def extend(coverage: Coverage, first_ns: int, last_ns: int, spacing_ns: int) -> None:
    """Cover all from `first_ns` to `last_ns`; what lies between the newest row so far and that is a gap, if it is long.

    Args:
        coverage: changed in place.
        first_ns: what is covered begins here.
        last_ns: and ends here.
        spacing_ns: as of `take`.
    """
    if last_ns <= coverage.last_ns:
        return
    if first_ns > coverage.last_ns:
        _advance(coverage, np.array([first_ns]), spacing_ns)
    coverage.last_ns = last_ns


def _advance(coverage: Coverage, t_ns: NDArray[np.int64], spacing_ns: int) -> None:
    start = coverage.last_ns if coverage.last_ns > -(2**62) else -(2**61)
    edges = np.concatenate(([start], t_ns))
    for at in np.flatnonzero(np.diff(edges) > 1.5 * spacing_ns):
        coverage.gaps.append((int(edges[at]), int(edges[at + 1])))
    coverage.gaps = coverage.gaps[-MAX_GAPS:]
    coverage.last_ns = int(t_ns[-1])


def _fill(coverage: Coverage, t_ns: int, spacing_ns: int) -> bool:
    for at, (start, stop) in enumerate(coverage.gaps):
        if start < t_ns < stop:
            parts = [(start, t_ns), (t_ns, stop)]
            coverage.gaps[at : at + 1] = [part for part in parts if part[1] - part[0] > 1.5 * spacing_ns]
            return True
    return False
