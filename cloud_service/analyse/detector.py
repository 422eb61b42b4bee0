"""The detector port: one detector, one file under `detectors/`, one line in `detectors/__init__.py`.

A detector judges one channel. It is a pure step: same state and batch, same result; no clock, no I/O, no randomness
that is not seeded from the batch. One that learns what is normal for a channel says `has_baseline = True`: its state
begins anew where an operator has ended the baseline (see `cloud_service.analyse.baselines`); where an act leaves some
of it standing, it has a method `renewed(place, state, event)` that gives the state to go on with. The runner keeps its
state between batches (committed with the journal offset) and
calls it with event times in ascending order within a batch; late data may bring a batch that lies before the last one:
a detector must neither crash on it nor let it move its baseline. One that judges each reading alone may
have a method `at_once(place, batch)` beside: it is then asked about readings of frames that still wait for their turn.

What a detector says is a function of the rows and their event times alone, never of how they were cut into batches:
a batch may hold one reading or a month of them, and a crash cuts them anew. So every change of tier is said, at the
event time of the reading that caused it, also where it is undone in the same batch; and what is said again to confirm
that it still stands is said at times that follow from the rows (each row, the first row of a UTC day), never once a
batch. Alerting counts what it hears: one repetition more or less is an incident earlier or later.

One that can judge many channels at once for less than one after the other is a `ManyDetector` beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cloud_service.store.schema import Rows
from telltale.findings import Finding, Life
from telltale.site import Place

# Exponential time constants (hours) at which the structure's temperature is lagged; a concrete section follows the air
# by hours to days. 0 is the reading itself.
LAGS_H = (0.0, 3.0, 12.0, 48.0)


@dataclass(frozen=True, slots=True)
class Batch:
    """New data of one channel, in the base unit of its kind, event times ascending, k rows.

    Attributes:
        t_ns: (k,) UTC of each reading, or of each window's first sample.
        values: (k,) scalar readings, NaN where missing. For waveforms: the rms of each window.
        flags: (k,) bits of `telltale.readings.Flag` (for windows: the union).
        temperature_c: (k, len(LAGS_H)) temperature of the channel's conditioning sensor at each row, lagged
            exponentially by each of LAGS_H; NaN where there is none or it is faulty.
        faulty: (k,) True where the quality detector, which runs first, distrusts the sensor: structural detectors
            must not judge or learn from these rows.
        inputs_faulty: (k,) True where a channel in `derived_from` is faulty at that time.
        rate_hz: sample rate of the windows; 0 for scalars.
        windows: (k, n) float32 samples of each window (NaN where missing), or None for scalars.
        features: name → (k,) the columns of measurement `window` (rms, peak, …, mode1_hz, band0 …); empty for scalars.
        undated: (k,) True where the gateway's clock could not be trusted: values may be judged, rates may not, and
            nothing is learned. None: all times can be relied on.
        unsettled: (k,) True where the thermometer was out for hours shortly before: the lags of `temperature_c` are a
            guess. None: nowhere.
    """

    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    flags: NDArray[np.uint8]
    temperature_c: NDArray[np.float64]
    faulty: NDArray[np.bool_]
    inputs_faulty: NDArray[np.bool_]
    rate_hz: float = 0.0
    windows: NDArray[np.float32] | None = None
    features: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    undated: NDArray[np.bool_] | None = None
    unsettled: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return int(self.t_ns.size)

    @property
    def unusable(self) -> NDArray[np.bool_]:
        """(k,) rows that what is learned must not take in: distrusted, derived from such, or of no reliable time."""
        bad = self.faulty | self.inputs_faulty
        return bad if self.undated is None else bad | self.undated

    def take(self, rows: slice | NDArray[np.intp]) -> Batch:
        """Some of the rows."""
        if isinstance(rows, slice) and rows == slice(0, len(self)):
            return self
        columns = {item.name: getattr(self, item.name) for item in fields(self)}
        taken: dict[str, Any] = {
            name: column[rows] for name, column in columns.items() if isinstance(column, np.ndarray)
        }
        return replace(self, **taken, features={name: column[rows] for name, column in self.features.items()})


@dataclass(slots=True)
class Output:
    """What a detector says of a batch.

    Attributes:
        findings: one for each evaluation and reason, CLEAR ones too (the alert stage needs them to confirm and clear),
            ascending in time.
        caused_ns: time of the row that led to each finding, where that is another than the finding's own: a day's
            verdict comes with the first reading after it. Empty: the finding's own.
        rows: results for the store.
        lives: remaining-life estimates or refusals, when they were renewed.
        faulty: (k,) only from detectors of sensor faults, which run before those that heed them.
    """

    findings: list[Finding] = field(default_factory=list)
    caused_ns: list[int] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    faulty: NDArray[np.bool_] | None = None

    def add(self, other: Output) -> None:
        """Take in what was said of the rows that follow, except `faulty`, which is told of places in a batch."""
        if other.caused_ns or self.caused_ns:
            self.caused_ns += [finding.t_ns for finding in self.findings[len(self.caused_ns) :]]
            self.caused_ns += other.caused_ns or [finding.t_ns for finding in other.findings]
        self.findings += other.findings
        self.rows += other.rows
        self.lives += other.lives

    def caused_by(self, t_ns: int) -> None:
        """The row at `t_ns` led to the findings that were added since this was last said."""
        self.caused_ns += [t_ns] * (len(self.findings) - len(self.caused_ns))


class Detector(Protocol):
    """One way to judge a channel; or to measure something of it that it does not judge: rows without findings."""

    name: str
    state_type: type[Any]
    """A `msgspec.Struct` whose fields are numbers, texts, bytes, lists, dicts and numpy arrays; ≤ 64 KB packed."""

    def applies(self, place: Place) -> bool:
        """Whether this detector judges the channel."""

    def initial(self, place: Place) -> Any:
        """State before any data."""

    def step(self, place: Place, state: Any, batch: Batch) -> tuple[Any, Output]:
        """Judge `batch`; returns the state to keep (the same object, changed, is allowed) and the output."""


class ManyDetector(Detector, Protocol):
    """A detector that also steps channels together: with the results of `step` on each, to the last bit, whichever
    channels stand beside and in whatever order.
    """

    def step_many(
        self, places: Sequence[Place], states: Sequence[Any], batches: Sequence[Batch]
    ) -> list[tuple[Any, Output] | Exception]:
        """As `step` on each channel; for each its result, or what `step` would have raised: the others go on.

        Args:
            places: distinct channels.
            states: of each.
            batches: of each.
        """
