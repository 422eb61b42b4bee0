"""Analysis as one pure step: states and frames in, states and results out. No clock, no I/O.

    frames → route → cut → transform → segment → judge → judge_groups → judge_assets → StepResult

What it says of a frame depends on the frames before it in the journal, not on how many came in one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from types import MappingProxyType

import numpy as np

from cloud_service.analyse.baselines import Baselines
from cloud_service.analyse.cut import cut
from cloud_service.analyse.decode import AHEAD_NS, Decoded, Skip, SkipReason
from cloud_service.analyse.detector import LAGS_H, Batch, Detector
from cloud_service.analyse.group_detector import GroupDetector
from cloud_service.analyse.group_detectors import GROUP_DETECTORS
from cloud_service.analyse.judge import NEVER, Bench, judge
from cloud_service.analyse.judge_assets import judge_assets
from cloud_service.analyse.judge_groups import groups_of, judge_groups
from cloud_service.analyse.life_models import LifeModels, assets_of
from cloud_service.analyse.order import judging_order
from cloud_service.analyse.outcome import Judged, Latest, StepResult
from cloud_service.analyse.piece import Piece
from cloud_service.analyse.repeats import Times, unjudged
from cloud_service.analyse.route import route
from cloud_service.analyse.rows import reading_rows
from cloud_service.analyse.segment import Newest, Segment, segments
from cloud_service.analyse.states import States
from cloud_service.analyse.surroundings import Surroundings, enter
from cloud_service.analyse.transform import transform
from cloud_service.analyse.verdicts import finite
from cloud_service.store.schema import Rows
from telltale.clock import ClockMode
from telltale.site import Place, Site


class Step:
    """The step for one site and one set of detectors; holds no state of its own between calls.

    Attributes:
        baselines: where operators have ended them; whoever calls the step keeps it up to date.
    """

    def __init__(
        self,
        site: Site,
        detectors: Sequence[Detector],
        waveform_every: int = 1,
        mode: ClockMode = "system",
        *,
        group_detectors: Sequence[GroupDetector] = GROUP_DETECTORS,
        life_models: LifeModels = MappingProxyType({}),
    ) -> None:
        self._site = site
        self._mode = mode
        self._detectors = detectors
        self._waveform_every = waveform_every
        self._groups = groups_of(site)
        self._assets = assets_of(site, life_models)
        self._group_detectors = group_detectors
        self.baselines = Baselines()
        self._orders: Mapping[str, tuple[tuple[Place, ...], ...]] = {
            structure.id: tuple(tuple(site.places[channel] for channel in level) for level in judging_order(structure))
            for _, structure in site.structures()
        }

        # Inputs before what is derived from them: alerting tells a faulty sensor from the values that it spoils.
        ordered = (place.channel.id for levels in self._orders.values() for level in levels for place in level)
        self._rank = {channel: index for index, channel in enumerate(ordered)}

    def __call__(self, states: States, frames: Sequence[Decoded]) -> tuple[States, StepResult]:
        """Analyse `frames`, in journal order; `states` is changed and returned."""
        result = StepResult(frames=len(frames), heard_ns=max((frame.heard_ns for frame in frames), default=0))
        routed = route(self._site, frames)
        result.skips.extend(routed.skips)
        pieces = [piece for index, place, block in routed.blocks for piece in cut(index, place, block)]
        transform(pieces)
        heard_ns = [frame.heard_ns for frame in frames]
        undated = np.array([not frame.is_dated for frame in frames], dtype=np.bool_)
        for structure, members in _by_structure(self._sift(pieces, frames, result)).items():
            newest = states.get(structure, "newest", Newest, Newest)
            bench = Bench(
                self._detectors,
                states,
                heard_ns,
                newest.heard_ns,
                self._waveform_every,
                self._mode,
                undated,
                self.baselines,
            )
            found = segments(members, newest, partial(_unjudged, states))
            self._judge_structure(structure, found, bench, result)
            states.put(structure, "newest", newest)
        result.judged.sort(key=lambda judged: (judged.frame, judged.caused_ns, self._rank[judged.finding.channel]))
        return states, result

    def glance(self, states: States, frames: Sequence[Decoded]) -> StepResult:
        """What frames that wait for their turn show at once: the rows of their readings, without temperature, as far
        as they are newer than what was judged, and what detectors say that judge each reading alone. Judging them
        later writes the same rows again. Changes no state.
        """
        result = StepResult()
        if not frames:
            return result
        scratch = StepResult()
        routed = route(self._site, frames).blocks
        pieces = [piece for index, place, block in routed for piece in cut(index, place, block)]
        transform(pieces)
        for structure, members in _by_structure(self._sift(pieces, frames, scratch)).items():
            newest = states.get(structure, "newest", Newest, Newest).t_ns
            for piece in members:
                fresh = np.flatnonzero(piece.t_ns > newest.get(piece.place.channel.id, NEVER))
                if fresh.size:
                    shown = piece.take(fresh)
                    result.rows.extend(self._rows(shown))
                    result.judged.extend(self._at_once(shown, frames[piece.frame].heard_ns))
        result.latest = scratch.latest
        return result

    def _at_once(self, piece: Piece, heard_ns: int) -> Iterator[Judged]:
        place = piece.place
        for detector in self._detectors:
            ask = getattr(detector, "at_once", None)
            if ask is not None and detector.applies(place):
                for finding in ask(place, _batch_of(piece)):
                    yield Judged(finite(finding), place.structure.id, piece.frame, heard_ns, finding.t_ns)

    def _sift(self, pieces: Sequence[Piece], frames: Sequence[Decoded], result: StepResult) -> list[Piece]:
        """Count every piece, keep the newest value of each channel, and part from those that lie in the future."""
        present = []
        for piece in pieces:
            result.samples += len(piece) * max(1, piece.shape[1])
            frame = frames[piece.frame]
            newest = int(piece.t_ns.argmax()) if len(piece) > 1 else 0
            newest_ns = int(piece.t_ns[newest])
            if newest_ns > max(frame.heard_ns, frame.trusted_ns) + AHEAD_NS:
                self._store_only(piece, frame, result)
                continue
            channel = piece.place.channel.id
            if channel not in result.latest or result.latest[channel].t_ns <= newest_ns:
                result.latest[channel] = Latest(newest_ns, float(piece.values[newest]))
            present.append(piece)
        return present

    def _store_only(self, piece: Piece, frame: Decoded, result: StepResult) -> None:
        """A clock that runs a day ahead would end every baseline: its readings are kept, and not judged."""
        channel = piece.place.channel
        result.rows.extend(self._rows(piece))
        detail = f"channel {channel.id!r} is more than a day ahead of the run's clock"
        samples = len(piece) * max(1, piece.shape[1])
        result.skips.append(Skip(frame.gateway, channel.id, SkipReason.FUTURE, detail, frame.heard_ns, samples))

    def _rows(self, piece: Piece) -> Iterator[Rows]:
        """The rows of readings that are not judged: as they came, without temperature."""
        return reading_rows(piece.place.channel, _batch_of(piece), piece.blocks, self._waveform_every)

    def _judge_structure(self, structure: str, found: Iterable[Segment], bench: Bench, result: StepResult) -> None:
        around = bench.states.get(structure, "surroundings", Surroundings, Surroundings)
        groups, states = self._groups[structure], bench.states
        for segment in found:
            shown = judge(self._orders[structure], segment, enter(around, states, segment), bench, result)
            judge_groups(groups, self._group_detectors, shown, bench, result)
            judge_assets(self._assets[structure], shown, bench, result)
        bench.states.put(structure, "surroundings", around)


def _batch_of(piece: Piece) -> Batch:
    """What is known of readings by themselves."""
    none = np.zeros(len(piece), dtype=np.bool_)
    unknown = np.full((len(piece), len(LAGS_H)), np.nan)
    return Batch(
        piece.t_ns, piece.values, piece.flags, unknown, none, none, piece.rate_hz, piece.windows, piece.features
    )


def _unjudged(states: States, piece: Piece) -> Piece | None:
    channel = piece.place.channel.id
    times = states.get(channel, "judged", Times, Times)
    states.put(channel, "judged", times)
    return unjudged(times, piece)


def _by_structure(pieces: Sequence[Piece]) -> dict[str, list[Piece]]:
    ordered = sorted(pieces, key=lambda piece: piece.place.structure.id)  # stable: journal order is kept
    return {
        structure: list(members) for structure, members in groupby(ordered, key=lambda piece: piece.place.structure.id)
    }
