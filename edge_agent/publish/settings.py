"""`[publish]` of `edge.toml`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telltale.settings import Settings


class PublishSettings(Settings, frozen=True):
    """Bounds and times of publishing.

    Attributes:
        window_frames, window_bytes: bounds of what is sent and not yet store-acked.
        resend_s, resend_cap_s: time-out for a store-ack, doubled with each sending, and its ceiling.
        reconnect_s, reconnect_cap_s: first and last ceiling of the wait before connecting again. The first one spreads
            a site's gateways after their broker was restarted (docs/decisions/010).
        health_s: between health messages.
        clock_wait_s: how long, from the first connection on, readings of an unsynchronised clock wait for it; then
            they go out as they are, said to be of unknown time. For machines that are never synchronised: 0.
    """

    window_frames: Annotated[int, Meta(ge=1, le=1_000)] = 100
    window_bytes: Annotated[int, Meta(ge=65_536, le=67_108_864)] = 4_194_304
    resend_s: Annotated[float, Meta(gt=0)] = 10.0
    resend_cap_s: Annotated[float, Meta(gt=0)] = 300.0
    reconnect_s: Annotated[float, Meta(gt=0)] = 25.0
    reconnect_cap_s: Annotated[float, Meta(gt=0)] = 50.0
    health_s: Annotated[float, Meta(gt=0)] = 5.0
    clock_wait_s: Annotated[float, Meta(ge=0)] = 60.0
