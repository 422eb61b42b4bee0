"""Any channel for detector tests, and its readings played through a detector in batches, its state packed between."""

from __future__ import annotations

import numpy as np

from cloud_service.analyse.detector import LAGS_H, Batch, Output
from cloud_service.analyse.state_codec import decode_state, encode_state
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding, Life, Tier
from telltale.site import Channel, Facility, Place, Structure

START_NS = 20_500 * NS_PER_DAY  # midnight
MAX_STATE_BYTES = 64 * 1024


def place_of(**settings) -> Place:
    channel = Channel(**{"id": "s.channel", "gateway": "gw", "interval_s": 3600.0, **settings})
    structure = Structure(id="s", name="S", channels=(channel,))
    return Place(Facility(id="f", name="F", structures=(structure,)), structure, channel)


def scalars(t_ns, values, *, temperature_c=None, faulty=None, inputs_faulty=None, flags=None) -> Batch:
    count = len(t_ns)
    none = np.zeros(count, bool)
    return Batch(
        t_ns=np.asarray(t_ns, dtype=np.int64),
        values=np.asarray(values, dtype=float),
        flags=np.isnan(values).astype(np.uint8) if flags is None else flags,
        temperature_c=np.full((count, len(LAGS_H)), np.nan) if temperature_c is None else temperature_c,
        faulty=none if faulty is None else faulty,
        inputs_faulty=none if inputs_faulty is None else inputs_faulty,
    )


def windows_of(t_ns, windows, rate_hz) -> Batch:
    rms = np.nanstd(windows, axis=1)
    base = scalars(t_ns, rms)
    return Batch(
        base.t_ns,
        base.values,
        base.flags,
        base.temperature_c,
        base.faulty,
        base.inputs_faulty,
        rate_hz,
        windows.astype(np.float32),
    )


def rows_of(batch: Batch, part: slice) -> Batch:
    return Batch(
        batch.t_ns[part],
        batch.values[part],
        batch.flags[part],
        batch.temperature_c[part],
        batch.faulty[part],
        batch.inputs_faulty[part],
        batch.rate_hz,
        None if batch.windows is None else batch.windows[part],
        undated=None if batch.undated is None else batch.undated[part],
    )


def play(detector, place: Place, batch: Batch, *, at_once: int = 10**9) -> list[Output]:
    """The outputs of consecutive batches of at most `at_once` rows; the state goes through its bytes each time."""
    state, outputs = detector.initial(place), []
    for start in range(0, len(batch), at_once):
        state, output = detector.step(place, state, rows_of(batch, slice(start, start + at_once)))
        packed = encode_state(state)
        assert len(packed) <= MAX_STATE_BYTES
        state = decode_state(packed, detector.state_type)
        outputs.append(output)
    return outputs


def findings(outputs: list[Output], *, clear: bool = False) -> list[Finding]:
    return [one for output in outputs for one in output.findings if clear or one.tier is not Tier.CLEAR]


def lives(outputs: list[Output]) -> list[Life]:
    return [one for output in outputs for one in output.lives]


def table(outputs: list[Output], measurement: str) -> dict[int, dict[str, float]]:
    """Time → fields, the later row of a time winning, as in the store."""
    kept: dict[int, dict[str, float]] = {}
    for output in outputs:
        for rows in output.rows:
            if rows.measurement == measurement:
                for at, t_ns in enumerate(rows.t_ns.tolist()):
                    kept[t_ns] = {name: column[at] for name, column in rows.columns.items()}
    return kept
