"""Blocks → the channels of the site, and only from the gateway that the site gives them to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cloud_service.analyse.decode import Decoded, Skip, SkipReason
from telltale.errors import RejectReason
from telltale.readings import Block
from telltale.site import Place, Site


@dataclass(slots=True)
class Routed:
    """Blocks of known channels, in journal order, as (frame index, channel, block); and what was left out."""

    blocks: list[tuple[int, Place, Block]] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


def route(site: Site, frames: Sequence[Decoded]) -> Routed:
    """Route every block of a batch; unknown channels and wrong gateways are recorded, the rest goes on."""
    routed = Routed()
    for index, frame in enumerate(frames):
        routed.skips.extend(frame.skips)
        for block in frame.blocks:
            place = site.places.get(block.channel)
            if place is not None and place.channel.gateway == frame.gateway:
                routed.blocks.append((index, place, block))
            else:
                routed.skips.append(_stray(frame, block, place))
    return routed


def _stray(frame: Decoded, block: Block, place: Place | None) -> Skip:
    if place is None:
        reason: RejectReason | SkipReason = RejectReason.UNKNOWN_CHANNEL
        detail = f"channel {block.channel!r} is not in the site file"
    else:
        reason = SkipReason.OTHER_GATEWAY
        detail = f"channel {block.channel!r} belongs to gateway {place.channel.gateway!r}"
    return Skip(frame.gateway, block.channel, reason, detail, frame.heard_ns, len(block))
