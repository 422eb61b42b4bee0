"""Facility → structure → channel: what is monitored, its limits, and who is told. One `site.toml` describes it.

Ids are names as in `telltale.topics`. Channel ids are unique in a deployment (`footbridge.midspan.az`), so that a
reading is identified by (channel, time) alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from telltale.asset import Asset, Positive
from telltale.channel_details import CrackDetail, FatigueDetail, Limit, RemainingLifeDetail, VelocityGuide
from telltale.kinds import KINDS, Shape
from telltale.settings import Settings
from telltale.topics import Name

GroupQuantity = Literal["value", "mean", "rms", "peak", "mode1_hz", "mode2_hz", "mode3_hz", "mode4_hz"]


class Channel(Settings, frozen=True):
    """One measured quantity at one place.

    Attributes:
        id: unique in the deployment.
        kind, unit: a kind of `telltale.kinds` and one of its units.
        gateway: the gateway that is allowed to send it.
        rate_hz: sample rate inside a window (waveforms); for scalars leave 0.
        interval_s: expected time between readings (scalars) or window starts; silence is judged against it.
        shape: waveform or scalar; None takes the kind's usual one.
        window_samples: samples a window (waveforms).
        temperature: id of the temperature channel of the same structure that conditions this one; None: none.
        derived_from: ids of channels whose fault makes this one's values wrong (a gauge corrected by a thermistor).
        modes_hz: bands [low, high] in which mode frequencies are tracked, four at most.
        axis, position, name: for people.
        limits, velocity, fatigue, crack, remaining_life, condition_scheme: how readings are judged.
        plausible: [low, high] values that the sensor can give at all; outside is a sensor fault.
    """

    id: Name
    kind: str
    unit: str
    gateway: Name
    interval_s: Positive
    name: str = ""
    axis: str = ""
    position: str = ""
    rate_hz: Annotated[float, Meta(ge=0)] = 0.0
    shape: Shape | None = None
    window_samples: Annotated[int, Meta(ge=16, le=65536)] = 1024
    temperature: Name | None = None
    derived_from: tuple[Name, ...] = ()
    modes_hz: Annotated[tuple[tuple[float, float], ...], Meta(max_length=4)] = ()
    limits: tuple[Limit, ...] = ()
    velocity: VelocityGuide | None = None
    fatigue: FatigueDetail | None = None
    crack: CrackDetail | None = None
    remaining_life: RemainingLifeDetail | None = None
    condition_scheme: str = ""
    plausible: tuple[float, float] | None = None

    @property
    def is_waveform(self) -> bool:
        """Whether readings arrive as windows of samples."""
        return (self.shape or KINDS[self.kind].shape) is Shape.WAVEFORM

    @property
    def to_base_unit(self) -> float:
        """Factor from the channel's unit to the unit that analysis works in."""
        return KINDS[self.kind].units[self.unit]

    @property
    def label(self) -> str:
        """The name for people."""
        return self.name or self.id


class Group(Settings, frozen=True):
    """Like sensors of one structure (same kind, unit, shape and interval) that are judged together as well as alone.

    Attributes:
        id: unique in the structure.
        channels: ids, at least two. Findings of the group stand at the first one, so no two groups begin with the same.
        quantity: the reading itself (scalars), or a feature of the windows (waveforms).
        every_s: a row of the group holds the means of so many seconds; None: the channels' interval.
        wait_s: for how long a row waits for a channel that has fallen behind, event time; None: two rows.
        baseline_rows: rows that are learned before anything is judged.
        freeze_rows: quiet rows are learned, after a quarantine, until there are so many; no more than `baseline_rows`:
            nothing is learned later.
        quarantine_rows: a block of rows is learned when so many quiet ones have followed; None: four blocks.
        smoothing, stretches, chance, wanders: see `models.group_novelty_state.Rule`.
    """

    id: Name
    channels: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=64)]
    quantity: GroupQuantity = "value"
    every_s: Positive | None = None
    wait_s: Positive | None = None
    baseline_rows: Annotated[int, Meta(ge=96, le=5000)] = 504
    freeze_rows: Annotated[int, Meta(ge=0, le=5000)] = 4380
    quarantine_rows: Annotated[int, Meta(ge=1, le=5000)] | None = None
    smoothing: Annotated[float, Meta(gt=0, le=1)] = 0.1
    stretches: Annotated[int, Meta(ge=3, le=12)] = 4
    chance: Annotated[float, Meta(gt=0, lt=0.5)] = 0.02
    wanders: bool = False


class Structure(Settings, frozen=True):
    """A bridge, a gallery, a lining: what is judged as one and mailed about as one."""

    id: Name
    name: str
    type: str = ""
    channels: tuple[Channel, ...] = ()
    groups: tuple[Group, ...] = ()
    assets: tuple[Asset, ...] = ()


class Facility(Settings, frozen=True):
    """A place with an owner, holding structures. `timezone` is an IANA name for dates in mails and pages."""

    id: Name
    name: str
    timezone: str = "UTC"
    structures: tuple[Structure, ...] = ()


class Contact(Settings, frozen=True):
    """Who is told about what.

    Attributes:
        name, email: the person.
        structures: structure ids; empty: all.
        role: managers get warn and alarm; operators also get sensor faults and silence.
    """

    name: str
    email: Annotated[str, Meta(pattern=r"^[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\Z", max_length=254)]
    structures: tuple[Name, ...] = ()
    role: Literal["manager", "operator"] = "manager"


@dataclass(frozen=True, slots=True)
class Place:
    """A channel with the structure and facility that hold it."""

    facility: Facility
    structure: Structure
    channel: Channel


@dataclass(frozen=True)
class Site:
    """All that is monitored by one service, with the look-ups that every part needs."""

    facilities: tuple[Facility, ...]
    contacts: tuple[Contact, ...]
    places: dict[str, Place]

    @property
    def has_assets(self) -> bool:
        """Whether a remaining-life model is named anywhere."""
        alone = any(place.channel.remaining_life is not None for place in self.channels())
        return alone or any(structure.assets for _, structure in self.structures())

    def channels(self) -> Iterator[Place]:
        """Every channel with its place, in file order."""
        return iter(self.places.values())

    def structures(self) -> Iterator[tuple[Facility, Structure]]:
        """Every structure with its facility, in file order."""
        for facility in self.facilities:
            for structure in facility.structures:
                yield facility, structure

    def gateways(self) -> dict[str, tuple[Place, ...]]:
        """Gateway id → the channels that it is allowed to send."""
        found: dict[str, list[Place]] = {}
        for place in self.channels():
            found.setdefault(place.channel.gateway, []).append(place)
        return {gateway: tuple(places) for gateway, places in found.items()}

    def contacts_for(self, structure: str, *, suspect: bool) -> tuple[Contact, ...]:
        """Who is told about `structure`; sensor faults and silence (`suspect`) go to operators only."""
        return tuple(
            contact
            for contact in self.contacts
            if (not contact.structures or structure in contact.structures)
            and (contact.role == "operator" or not suspect)
        )
