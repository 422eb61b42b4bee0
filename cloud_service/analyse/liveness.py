"""Silence: which channels and gateways were not heard for longer than expected.

Channels are judged against their own gateway: while the gateway speaks, a channel that does not is silent; when the
gateway itself is silent, that is one finding, not one for each of its sensors. Verdicts are given once a change.

In a replay time is the data's as each frame came in, so that the verdicts are the same however frames were batched and
after any restart. On the wall clock frames only say that they came, and a tick judges, once all that was journalled has
been seen: the service's clock may step, which only ticks can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.outcome import Judged
from cloud_service.analyse.settings import AnalyseSettings
from telltale.clock import NS_PER_S
from telltale.findings import Finding, Reason, Tier
from telltale.site import Place, Site

NEVER = -(2**62)


class Heard(msgspec.Struct):
    """State of one gateway.

    Attributes:
        heard_ns: channel → the run's clock when it was last heard.
        gateway_ns: the same of the gateway.
        since_ns: from when on silence counts: the run's start, or when the gateway came back.
        silent: channels, and the gateway itself, that are silent now.
    """

    heard_ns: dict[str, int] = {}
    gateway_ns: int = NEVER
    since_ns: int = NEVER
    silent: dict[str, int] = {}


class GatewayWatch:
    """Judges one gateway and its channels; `state` is what must be kept between batches."""

    def __init__(self, gateway: str, places: Sequence[Place], state: Heard, settings: AnalyseSettings) -> None:
        self._gateway = gateway
        self._places = places
        self._index = {place.channel.id: row for row, place in enumerate(places)}
        interval_ns = np.array([place.channel.interval_s * NS_PER_S for place in places])
        # Channels as much as gateways: while a link is away for some seconds, or an agent starts and its first frames
        # hold a few channels alone, the channels of windows of a second or less are not silent.
        least_ns = settings.min_silence_s * NS_PER_S
        grace_intervals = max(settings.start_grace_intervals, settings.silent_after_intervals)
        self._limit_ns = np.maximum(interval_ns * settings.silent_after_intervals, least_ns)
        self._grace_ns = np.maximum(interval_ns * grace_intervals, least_ns)
        self.limit_ns = float(self._limit_ns.min())
        self.state = state
        self._heard = np.array([state.heard_ns.get(place.channel.id, NEVER) for place in places], dtype=np.int64)
        self._silent = np.array([place.channel.id in state.silent for place in places], dtype=np.bool_)
        self._silent_ns = np.array([state.silent.get(place.channel.id, NEVER) for place in places], dtype=np.int64)

    def hear(self, frame: Decoded, index: int, *, judge: bool = True) -> list[Judged]:
        """A frame of this gateway; `judge`: its time tells what is silent beside it."""
        now_ns, found = frame.heard_ns, []
        if now_ns - self.state.gateway_ns > self.limit_ns:
            self.state.since_ns = max(self.state.since_ns, now_ns)  # its channels have been quiet with it
        self.state.gateway_ns = max(self.state.gateway_ns, now_ns)
        if self._gateway in self.state.silent:
            del self.state.silent[self._gateway]
            found.append(self._gateway_verdict(Tier.CLEAR, now_ns, index))
        rows = [self._index[block.channel] for block in frame.blocks if block.channel in self._index]
        self._heard[rows] = np.maximum(self._heard[rows], now_ns)
        return found + self._judge(self.state.gateway_ns, index) if judge else found

    def tick(self, now_ns: int, heard_ns: int, *, offline: bool | None) -> list[Judged]:
        """Time passed without frames.

        Args:
            now_ns: the run's clock.
            heard_ns: when any message of the gateway came, health and status included.
            offline: whether the broker says that the gateway is gone, where that is needed to call it silent (data
                clock: gateways come at their own pace, and one that is behind is not gone); None where the wall clock
                suffices.
        """
        if offline is None and max(self.state.gateway_ns, self.state.since_ns) > now_ns:
            self.restart(now_ns)  # received by a clock that was ahead
        if max(self.state.gateway_ns, self.state.since_ns) == NEVER:
            self.state.since_ns = now_ns  # the run starts: grace
        quiet_ns = now_ns - max(heard_ns, self.state.gateway_ns, self.state.since_ns)
        was_silent = self._gateway in self.state.silent
        if was_silent and offline is None and max(heard_ns, self.state.gateway_ns) < self.state.silent[self._gateway]:
            return []  # nothing has come since: a restart of the service is no sign of life
        if quiet_ns <= self.limit_ns:
            return self._alive(now_ns, was_silent, offline)
        if was_silent or offline is False:
            return []
        self.state.silent[self._gateway] = now_ns
        return [self._gateway_verdict(Tier.SUSPECT, now_ns, -1, quiet_ns)]

    def restart(self, now_ns: int) -> None:
        """The service itself was away, or its clock has stepped (wall clock only): what it could not hear, or cannot
        date, is not silence; and nothing was heard later than now.
        """
        self.state.since_ns = now_ns
        self.state.gateway_ns = min(self.state.gateway_ns, now_ns)
        self._heard = np.minimum(self._heard, now_ns)
        self._silent_ns = np.minimum(self._silent_ns, now_ns)
        self.state.silent = {name: min(since_ns, now_ns) for name, since_ns in self.state.silent.items()}

    def _alive(self, now_ns: int, was_silent: bool, offline: bool | None) -> list[Judged]:
        if was_silent and offline is not True:
            del self.state.silent[self._gateway]
            self.state.since_ns = now_ns
            return [self._gateway_verdict(Tier.CLEAR, now_ns, -1)]
        return self._judge(now_ns, -1) if offline is None and not was_silent else []

    def keep(self) -> Heard:
        """The state, brought up to date for the commit."""
        ids = [place.channel.id for place in self._places]
        self.state.heard_ns = {channel: int(at) for channel, at in zip(ids, self._heard, strict=True) if at != NEVER}
        return self.state

    def _judge(self, now_ns: int, index: int) -> list[Judged]:
        from_ns = np.maximum(self._heard, self.state.since_ns)
        limit_ns = np.where(self._heard == NEVER, self._grace_ns, self._limit_ns)
        silent = (now_ns - from_ns > limit_ns) | (self._silent & (self._heard < self._silent_ns))
        changed = np.flatnonzero(silent != self._silent)
        if changed.size == 0:
            return []
        self._silent = silent
        return [self._verdict(int(row), bool(silent[row]), now_ns, index, from_ns) for row in changed]

    def _verdict(self, row: int, silent: bool, now_ns: int, index: int, from_ns: NDArray[np.int64]) -> Judged:
        place = self._places[row]
        self._silent_ns[row] = now_ns if silent else NEVER
        if silent:
            self.state.silent[place.channel.id] = now_ns
        else:
            self.state.silent.pop(place.channel.id, None)
        tier = Tier.SUSPECT if silent else Tier.CLEAR
        limit_s = float(self._limit_ns[row]) / NS_PER_S
        quiet_s = (now_ns - int(from_ns[row])) / NS_PER_S
        finding = _finding(place.channel.id, Reason.SILENT_CHANNEL, tier, now_ns, quiet_s=quiet_s, limit_s=limit_s)
        return Judged(finding, place.structure.id, index, now_ns)

    def _gateway_verdict(self, tier: Tier, now_ns: int, index: int, quiet_ns: float = 0.0) -> Judged:
        limit_s = self.limit_ns / NS_PER_S
        finding = _finding(
            self._gateway, Reason.SILENT_GATEWAY, tier, now_ns, quiet_s=quiet_ns / NS_PER_S, limit_s=limit_s
        )
        return Judged(finding, "", index, now_ns)


class Liveness:
    """The watches of all gateways of a site."""

    def __init__(self, watches: dict[str, GatewayWatch], *, by_frames: bool) -> None:
        self.watches = watches
        self._by_frames = by_frames
        self.touched: set[str] = set()

    def hear(self, frames: Sequence[Decoded]) -> list[Judged]:
        """Frames in journal order."""
        found: list[Judged] = []
        for index, frame in enumerate(frames):
            watch = self.watches.get(frame.gateway)
            if watch is not None and frame.heard_ns:
                found.extend(watch.hear(frame, index, judge=self._by_frames))
                self.touched.add(frame.gateway)
        return found


def open_liveness(site: Site, states: dict[str, Heard], settings: AnalyseSettings, *, by_frames: bool) -> Liveness:
    """Watches for every gateway of the site, with what was kept of each; `by_frames`: the data's time judges."""
    return Liveness(
        {
            gateway: GatewayWatch(gateway, places, states[gateway], settings)
            for gateway, places in site.gateways().items()
        },
        by_frames=by_frames,
    )


def _finding(subject: str, reason: Reason, tier: Tier, t_ns: int, *, quiet_s: float, limit_s: float) -> Finding:
    return Finding(
        channel=subject,
        t_ns=t_ns,
        reason=reason,
        tier=tier,
        score=quiet_s / limit_s if tier is not Tier.CLEAR else 0.0,
        value=quiet_s,
        limit=limit_s,
        unit="s",
        limit_source="self-set: interval in site.toml × analyse.silent_after_intervals, analyse.min_silence_s at least",
        evidence={"expected_interval_limit_s": limit_s, "quiet_s": quiet_s},
    )
