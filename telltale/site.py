"""Facility → structure → channel: what is monitored, its limits, and who is told. One `site.toml` describes it.

Ids are names as in `telltale.topics`. Channel ids are unique in a deployment (`footbridge.midspan.az`), so that a
reading is identified by (channel, time) alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, field
from msgspec.structs import replace

from telltale.detail_categories import DETAILS
from telltale.errors import SettingsError
from telltale.kinds import KINDS, Shape
from telltale.settings import Settings, convert, read_toml
from telltale.steel_crack import SteelCrack, check_steel, with_histories
from telltale.topics import NAME_PATTERN

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
Positive = Annotated[float, Meta(gt=0)]
Level = Literal["warn", "alarm"]
GroupQuantity = Literal["value", "mean", "rms", "peak", "mode1_hz", "mode2_hz", "mode3_hz", "mode4_hz"]
GuideName = Literal[
    "din_4150_3.industrial.foundation",
    "din_4150_3.industrial.top_floor",
    "din_4150_3.industrial.long",
    "din_4150_3.industrial.ceiling",
    "din_4150_3.industrial.ceiling_long",
    "din_4150_3.dwelling.foundation",
    "din_4150_3.dwelling.top_floor",
    "din_4150_3.dwelling.long",
    "din_4150_3.dwelling.ceiling",
    "din_4150_3.dwelling.ceiling_long",
    "din_4150_3.sensitive.foundation",
    "din_4150_3.sensitive.top_floor",
    "din_4150_3.sensitive.long",
    "bs_7385_2.framed.transient",
    "bs_7385_2.framed.continuous",
    "bs_7385_2.light.transient",
    "bs_7385_2.light.continuous",
]
# What the measuring range of these standards, 1 to 80 Hz, asks of a window.
VELOCITY_RATE_HZ = 200.0
VELOCITY_WINDOW_S = 4.0


class Limit(Settings, frozen=True):
    """A fixed limit of a channel.

    Attributes:
        level: what crossing it means.
        value: in the channel's unit (for `quantity` rms, peak: of the window's feature).
        side: alarm above, below, or for the absolute value.
        quantity: the reading itself or a feature of the waveform window.
        source: standard and clause, or who set it; shown with every alert.
    """

    level: Level
    value: float
    source: str
    side: Literal["above", "below", "absolute"] = "above"
    quantity: Literal["value", "rms", "peak"] = "value"


class VelocityGuide(Settings, frozen=True):
    """A line of a standard's table against which the vibration velocity of a building is judged.

    Attributes:
        guide: standard, building and place or duration; the figures and their sources are in
            `models.vibration_limits`. Name it on every axis that the line is for: foundation and base all three,
            topmost floor the horizontal ones, ceiling (a floor slab) the vertical one.
        warn_share: share of the guide value that is a warning; the guide value itself is an alarm.
    """

    guide: GuideName
    warn_share: Annotated[float, Meta(gt=0, le=1)] = 0.7


class FatigueDetail(Settings, frozen=True):
    """A welded or bolted detail whose fatigue damage a strain channel tracks (EN 1993-1-9).

    Attributes:
        detail_category_mpa: Δσ_C, the stress range at 2e6 cycles, MPa; or
        detail: a name of `telltale.detail_categories.DETAILS`, which brings its own. One of the two.
        youngs_modulus_gpa: E, to turn strain into stress.
        partial_factor: γ_Mf of EN 1993-1-9 table 3.1, on the fatigue strength.
        duty_cycle: share of the time that windows cover (sampling one window an hour is a sample of the traffic);
            damage a day is extrapolated by its inverse and says so. 1 for continuous recording.
    """

    detail_category_mpa: Positive | None = None
    detail: str = ""
    youngs_modulus_gpa: Positive = 210.0
    partial_factor: Positive = 1.0
    duty_cycle: Annotated[float, Meta(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        """One way to name the category, and one that is known."""
        if (self.detail_category_mpa is None) is not bool(self.detail):
            raise ValueError("expected either detail_category_mpa or detail")
        if self.detail and self.detail not in DETAILS:
            raise ValueError(f"detail {self.detail!r} is not in the registry, {_known(DETAILS)}")

    @property
    def category_mpa(self) -> float:
        """Δσ_C, MPa."""
        return DETAILS[self.detail].category_mpa if self.detail_category_mpa is None else self.detail_category_mpa


class CrackDetail(Settings, frozen=True):
    """What a crack channel watches.

    Attributes:
        material: concrete and rock follow trend and first passage; steel follows Paris' law where `steel` is given.
        limit_mm: width (or growth since `datum_mm`) at which life is taken to end; None: life is refused. For steel
            with Paris' law: the length.
        datum_mm: width that is called zero.
        source: where the limit comes from.
        steel: loading and geometry of a crack in steel.
    """

    material: Literal["concrete", "steel", "rock"] = "concrete"
    limit_mm: float | None = None
    datum_mm: float = 0.0
    source: str = ""
    steel: SteelCrack | None = None


class RemainingLifeDetail(Settings, frozen=True):
    """A channel's asset and the model of `telltale model train` that tells its remaining life.

    Attributes:
        model: the model's file; relative to the site file.
        inputs: indicator of the model → what it is here: `value` or `temperature` of a scalar channel, a feature of
            the window (`rms`, `kurtosis`, `mode1_hz`, …) or `temperature` of a waveform, in base units. An indicator
            that is not named here goes by its own name.
        since: the day on which the asset was new; None: when monitoring began.
        horizon_years, alarm_years: P10 within the one warns, P50 within the other alarms.
    """

    model: str
    inputs: dict[str, str] = field(default_factory=dict)
    since: date | None = None
    horizon_years: Positive = 1.0
    alarm_years: Positive = 0.25


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
        modes_hz: bands [low, high] in which mode frequencies are tracked.
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
    modes_hz: tuple[tuple[float, float], ...] = ()
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
        channels: ids, at least two. Findings of the group stand at the first one.
        quantity: the reading itself (scalars), or a feature of the windows (waveforms).
        every_s: a row of the group holds the means of so many seconds; None: the channels' interval.
        wait_s: for how long a row waits for a channel that has fallen behind, event time; None: two rows.
        baseline_rows: rows that are learned before anything is judged.
        freeze_rows: quiet rows are learned, after a quarantine, until there are so many; no more than `baseline_rows`:
            nothing is learned later.
        smoothing, stretches, chance: see `models.group_novelty.Rule`.
    """

    id: Name
    channels: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=64)]
    quantity: GroupQuantity = "value"
    every_s: Positive | None = None
    wait_s: Positive | None = None
    baseline_rows: Annotated[int, Meta(ge=96, le=5000)] = 504
    freeze_rows: Annotated[int, Meta(ge=0, le=5000)] = 4380
    smoothing: Annotated[float, Meta(gt=0, le=1)] = 0.1
    stretches: Annotated[int, Meta(ge=3, le=12)] = 4
    chance: Annotated[float, Meta(gt=0, lt=0.5)] = 0.02


class Structure(Settings, frozen=True):
    """A bridge, a gallery, a lining: what is judged as one and mailed about as one."""

    id: Name
    name: str
    type: str = ""
    channels: tuple[Channel, ...] = ()
    groups: tuple[Group, ...] = ()


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


class _SiteFile(Settings, frozen=True):
    facilities: tuple[Facility, ...]
    contacts: tuple[Contact, ...] = ()


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


def load_site(path: Path) -> Site:
    """Read a `site.toml`.

    Raises:
        SettingsError: naming the file, the key or the channel, and what was expected.
    """
    return site_from(read_toml(path), str(path), path.parent)


def _complete(structure: Structure, folder: Path) -> Structure:
    """With the histories of cracks that the site file only names."""
    channels = list(structure.channels)
    for index, channel in enumerate(channels):
        if channel.crack is not None and channel.crack.steel is not None:
            steel = with_histories(channel.crack.steel, folder)
            channels[index] = replace(channel, crack=replace(channel.crack, steel=steel))
    return replace(structure, channels=tuple(channels))


def site_from(table: Mapping[str, Any], where: str, folder: Path) -> Site:
    """The site that the tables of a `site.toml` describe.

    Args:
        table: the parsed file.
        where: it came from, for errors.
        folder: that paths in it are relative to.

    Raises:
        SettingsError: as `load_site`, naming `where`.
    """
    file = convert(table, _SiteFile, where)
    facilities = tuple(
        replace(facility, structures=tuple(_complete(structure, folder) for structure in facility.structures))
        for facility in file.facilities
    )
    return build_site(replace(file, facilities=facilities), where)


def build_site(file: _SiteFile, where: str) -> Site:
    """Check what single keys cannot tell (unit against kind, references, unique ids) and index the channels."""
    places: dict[str, Place] = {}
    structures: set[str] = set()
    for facility in file.facilities:
        for structure in facility.structures:
            if structure.id in structures:
                raise SettingsError(f"{where}: structure {structure.id!r} appears twice", "give each an id of its own")
            structures.add(structure.id)
            for channel in structure.channels:
                _check_channel(channel, where)
                if channel.id in places:
                    raise SettingsError(f"{where}: channel {channel.id!r} appears twice", "give each an id of its own")
                places[channel.id] = Place(facility, structure, channel)
            _check_groups(structure, where)
    _check_references(places, where)
    for contact in file.contacts:
        for wanted in contact.structures:
            if wanted not in structures:
                raise SettingsError(f"{where}: contact {contact.name!r}: no structure {wanted!r}", _known(structures))
    return Site(file.facilities, file.contacts, places)


def _check_channel(channel: Channel, where: str) -> None:
    kind = KINDS.get(channel.kind)
    if kind is None:
        raise SettingsError(f"{where}: channel {channel.id!r}: unknown kind {channel.kind!r}", _known(KINDS))
    if channel.unit not in kind.units:
        raise SettingsError(
            f"{where}: channel {channel.id!r}: unit {channel.unit!r} is no unit of {channel.kind}",
            _known(kind.units),
        )
    if channel.is_waveform and channel.rate_hz <= 0:
        raise SettingsError(f"{where}: channel {channel.id!r}: rate_hz is missing", "a waveform needs its sample rate")
    other = "crack" if channel.kind == "crack" else "fatigue" if channel.fatigue else ""
    if channel.remaining_life is not None and other:
        raise SettingsError(
            f"{where}: channel {channel.id!r}: remaining_life beside {other}",
            "a channel has one remaining life: take one of them out",
        )
    if channel.velocity is not None:
        _check_velocity(channel, where)
    for low, high in channel.modes_hz:
        if not 0 < low < high <= channel.rate_hz / 2:
            raise SettingsError(
                f"{where}: channel {channel.id!r}: modes_hz [{low}, {high}]",
                f"expected 0 < low < high ≤ {channel.rate_hz / 2:g} Hz (half the sample rate)",
            )
    if channel.crack is not None and channel.crack.steel is not None:
        crack, steel = channel.crack, channel.crack.steel
        if crack.material != "steel":
            raise SettingsError(
                f"{where}: channel {channel.id!r}: crack.steel of a crack in {crack.material}",
                "expected material = 'steel', or no crack.steel",
            )
        longest_mm = None if crack.limit_mm is None else crack.datum_mm + crack.limit_mm
        check_steel(steel, longest_mm, f"{where}: channel {channel.id!r}")


def _check_velocity(channel: Channel, where: str) -> None:
    culprit = f"{where}: channel {channel.id!r}: velocity"
    if channel.kind != "vibration" or not channel.is_waveform:
        raise SettingsError(culprit, "expected waveforms of kind vibration")
    if channel.rate_hz < VELOCITY_RATE_HZ:
        raise SettingsError(f"{culprit}: rate_hz {channel.rate_hz:g}", f"1-80 Hz needs at least {VELOCITY_RATE_HZ:g}")
    if channel.window_samples < VELOCITY_WINDOW_S * channel.rate_hz:
        needed = math.ceil(VELOCITY_WINDOW_S * channel.rate_hz)
        raise SettingsError(
            f"{culprit}: window_samples {channel.window_samples}",
            f"1-80 Hz needs windows of {VELOCITY_WINDOW_S:g} s: at least {needed}",
        )


def _check_references(places: dict[str, Place], where: str) -> None:
    for place in places.values():
        channel = place.channel
        for other in (channel.temperature, *channel.derived_from):
            if other is not None and (other not in places or places[other].structure.id != place.structure.id):
                raise SettingsError(
                    f"{where}: channel {channel.id!r}: refers to {other!r}",
                    f"expected a channel of structure {place.structure.id!r}",
                )
        if channel.temperature is not None and places[channel.temperature].channel.kind != "temperature":
            raise SettingsError(
                f"{where}: channel {channel.id!r}: temperature {channel.temperature!r} is no temperature channel"
            )


def _check_groups(structure: Structure, where: str) -> None:
    channels = {channel.id: channel for channel in structure.channels}
    seen: set[str] = set()
    for group in structure.groups:
        named = f"{where}: structure {structure.id!r}: group {group.id!r}"
        if group.id in seen:
            raise SettingsError(f"{named} appears twice", "give each an id of its own")
        seen.add(group.id)
        missing = [name for name in group.channels if name not in channels]
        if missing:
            raise SettingsError(f"{named}: no channel {missing[0]!r}", _known(channels))
        if len(set(group.channels)) < len(group.channels):
            raise SettingsError(f"{named}: a channel appears twice", "name each once")
        _check_alike(group, [channels[name] for name in group.channels], named)


def _check_alike(group: Group, members: list[Channel], named: str) -> None:
    first = members[0]
    for channel in members:
        for key in ("kind", "unit", "interval_s", "is_waveform", "rate_hz", "window_samples"):
            if getattr(channel, key) != getattr(first, key):
                raise SettingsError(
                    f"{named}: {key} of {channel.id!r} differs from that of {first.id!r}",
                    "a group holds like sensors: same kind, unit, shape and interval",
                )
    if (group.quantity == "value") == first.is_waveform:
        raise SettingsError(
            f"{named}: quantity {group.quantity!r}",
            "expected a feature of the windows, such as rms" if first.is_waveform else "expected value for scalars",
        )
    if group.every_s is not None and group.every_s < first.interval_s:
        raise SettingsError(
            f"{named}: every_s {group.every_s:g}", f"expected at least {first.interval_s:g}, the interval"
        )


def _known(names: object) -> str:
    return "expected one of " + ", ".join(sorted(map(str, names)))  # type: ignore[call-overload]
