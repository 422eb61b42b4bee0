"""`[ingest]` in `cloud.toml`, and what the process is given."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from cloud_service.heartbeat import Beat, no_beat
from telltale.broker import BrokerSettings
from telltale.clock import Clock
from telltale.settings import Settings
from telltale.site import Site
from telltale.wire.codec import MAX_PACKET_BYTES

Count = Annotated[int, Meta(ge=1)]


class IngestSettings(Settings, frozen=True):
    """How frames are taken in and how long they are kept.

    Attributes:
        commit_ms, commit_frames, commit_bytes: a group commit starts when the first of these is reached; it gathers no
            longer than the commit before it took.
        queue_frames, queue_bytes: what may wait for the disk; when it is full, the broker is no longer answered.
        receive_maximum: messages that the broker may send ahead of our acknowledgement (MQTT 5).
        keep_days, keep_bytes: journaled frames that analysis has passed are kept so long, for a re-run.
        max_bytes: beyond this journal size nothing is accepted until analysis has caught up.
        dead_letter_rows, dead_letter_bytes, dead_letter_total_bytes: how many dead letters are kept, how much of each,
            and of all. What is cut off cannot be tried again; the default cuts off no frame.
    """

    commit_ms: Annotated[float, Meta(ge=0, le=1_000)] = 20.0
    commit_frames: Count = 500
    commit_bytes: Count = 8 * 1024 * 1024
    queue_frames: Count = 2_000
    queue_bytes: Count = 64 * 1024 * 1024
    receive_maximum: Annotated[int, Meta(ge=1, le=65_535)] = 200
    keep_days: Annotated[float, Meta(ge=0)] = 7.0
    keep_bytes: Count = 8 * 1024**3
    max_bytes: Count = 32 * 1024**3
    dead_letter_rows: Count = 2_000
    dead_letter_bytes: Count = MAX_PACKET_BYTES
    dead_letter_total_bytes: Count = 256 * 1024 * 1024


@dataclass(frozen=True)
class IngestConfig:
    """All that the ingest process needs.

    Attributes:
        settings, broker, data_dir, site: from `cloud.toml`.
        clock: the run's clock; told of each acquisition time.
        stop: set to end; what has been taken in is committed and acknowledged first.
        rng: jitter of the reconnects.
        beat: called while the work goes on.
    """

    settings: IngestSettings
    broker: BrokerSettings
    data_dir: Path
    site: Site
    clock: Clock
    stop: asyncio.Event
    rng: random.Random = field(default_factory=random.SystemRandom)
    beat: Beat = no_beat
