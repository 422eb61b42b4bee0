"""Readings through the service's own analysis step, frame by frame, as they would come from a gateway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.outcome import StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from telltale.readings import Block
from telltale.site import Channel, Facility, Place, Site, Structure

GATEWAY = "evaluation"


def site_of(channels: Sequence[Channel]) -> Site:
    """A site of one structure with these channels."""
    structure = Structure(id="structure", name="structure", channels=tuple(channels))
    facility = Facility(id="facility", name="facility", structures=(structure,))
    return Site((facility,), (), {channel.id: Place(facility, structure, channel) for channel in channels})


def play(site: Site, frames: Iterable[Sequence[Block]], *, restart_every: int = 0) -> StepResult:
    """All that the registered detectors say of `frames`.

    Args:
        site: what the channels are.
        frames: the blocks of each frame, in order of time; the run's clock follows them.
        restart_every: after so many frames the step starts anew from the bytes of its states, as after a restart of
            the service; 0: never.
    """
    committed: dict[tuple[str, str], bytes] = {}

    def load(subject: str, owner: str) -> bytes | None:
        return committed.get((subject, owner))

    step, states, whole = Step(site, DETECTORS, 0, "data"), States(), StepResult()
    for index, blocks in enumerate(frames):
        heard_ns = max(block.end_ns() for block in blocks)
        _, result = step(states, [Decoded(index + 1, GATEWAY, heard_ns, tuple(blocks))])
        whole.add(result)
        if restart_every and (index + 1) % restart_every == 0:
            committed.update({(subject, owner): body for subject, owner, body in states.changed()})
            states = States(load)
    return whole
