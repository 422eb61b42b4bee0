"""The source interface: how readings enter an edge agent.

Implementations are found by the entry-point group `telltale.sources` (name → factory), so that the simulator and
third parties provide sources without importing the agent.

Life cycle: the agent calls the factory with the source's settings table and a `SourceContext`; iterates `chunks()`
once; calls `close()` when the iteration ends or the agent stops. Everything runs in the agent's event loop: a source
that blocks must use a thread of its own (`asyncio.to_thread`).

Acknowledgement: a list of chunks has been taken over once the source is asked for the next one. What a crash can then
still cost is the open window of each channel and the open frame, so a source that can rewind does so by a window and
some seconds: readings that come twice are stored once.

Errors: `UserError` for settings that cannot work; `RetryError` for a passing fault (the agent opens the source again
with back-off); anything else is reported in the health message and ends the source, unless it is live: then it is
opened again as well.

Time: a live source stamps its readings by the context's clock, which never steps. The agent brings them to the system's
time, also later where that time was not known yet. A source that is not live brings times of its own; they stay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from telltale.clock import Clock
from telltale.readings import FlagSpan, SampleArray

ENTRY_POINT_GROUP = "telltale.sources"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples of one input of a source, before calibration.

    Attributes:
        input: the source's own name of the input (a column, a register, a simulated sensor); `edge.toml` maps it to
            a channel id.
        t0_ns, rate_hz, samples, flags, dt_ns: as in `telltale.readings.Block`. NaN samples must be flagged MISSING.
    """

    input: str
    t0_ns: int
    rate_hz: float
    samples: SampleArray
    flags: tuple[FlagSpan, ...] = ()
    dt_ns: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What the agent gives a source.

    Attributes:
        clock: the run's clock.
        base: folder that relative paths in the source's settings start from (the folder of `edge.toml`).
        where: file and table of the settings, for errors.
    """

    clock: Clock
    base: Path
    where: str


class Source(Protocol):
    """One source of readings."""

    live: bool
    """True: readings happen whether we look or not (hardware). False: the source waits for the agent (a replay, a
    time-lapse), so the agent may slow it down instead of dropping."""

    def chunks(self) -> AsyncIterator[Sequence[Chunk]]:
        """Lists of chunks acquired together; ends when the source has no more (a replay)."""

    async def close(self) -> None:
        """Release what the source holds; safe to call twice."""


@runtime_checkable
class NamesInputs(Protocol):
    """A source that knows its inputs when it is opened may say so: a channel that wants another one is then an error
    at the start instead of a silent channel.
    """

    inputs: Sequence[str]


SourceFactory = Callable[[Mapping[str, Any], SourceContext], Source]
