"""`[analyse]` in `cloud.toml`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telltale.settings import Settings


class AnalyseSettings(Settings, frozen=True):
    """How the analyse process works; what it concludes does not depend on the first four.

    Attributes:
        batch_frames, batch_bytes: bounds of what is read from the journal and committed as one.
        poll_ms: how often an idle process looks for new frames.
        gather_ms: at most so long it lets frames gather after a small batch; 0: never, for the least delay under load.
        waveform_every: keep the samples of every k-th window as evidence (features are always kept); 0: of none.
        silent_after_intervals: a channel or gateway is silent when it was not heard for so many of its expected
            intervals; below 2, so that silence is known within two.
        start_grace_intervals: the same for one that was never heard.
        min_silence_s: no channel or gateway is called silent before this, however short its interval.
        gateway_row_s: at most one row of a gateway's health in this time.
        hold_s: frames that come out of order wait for those before them as long as what is missing makes progress, and
            so long without: then it is passed over, and is late data if it comes after all.
        hold_frames: at most so many wait; beyond, the gateway that holds most passes over what it misses.
        spool_max_bytes: analysis waits while `state.db` is larger than this, because the store takes nothing; the
            journal, and at last the gateways, keep what comes.
    """

    batch_frames: Annotated[int, Meta(ge=1, le=10_000)] = 256
    batch_bytes: Annotated[int, Meta(ge=65_536, le=268_435_456)] = 4_194_304
    poll_ms: Annotated[int, Meta(ge=1, le=1_000)] = 20
    gather_ms: Annotated[int, Meta(ge=0, le=1_000)] = 20
    waveform_every: Annotated[int, Meta(ge=0)] = 1
    silent_after_intervals: Annotated[float, Meta(gt=1, le=100)] = 1.75
    start_grace_intervals: Annotated[float, Meta(gt=1, le=100)] = 3.0
    min_silence_s: Annotated[float, Meta(ge=1)] = 30.0
    gateway_row_s: Annotated[float, Meta(ge=1)] = 60.0
    hold_s: Annotated[float, Meta(ge=0)] = 120.0
    hold_frames: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    spool_max_bytes: Annotated[int, Meta(ge=16_777_216)] = 4 * 1024**3
