"""What single keys of a `site.toml` cannot tell: unit against kind, references, rates, groups, assets."""

from __future__ import annotations

import math
from collections.abc import Mapping

from telltale.channel_details import Limit
from telltale.errors import SettingsError, expected_one_of
from telltale.kinds import KINDS
from telltale.site import Channel, Group, Place, Structure
from telltale.steel_crack import check_steel

# What the measuring range of these standards, 1 to 80 Hz, asks of a window.
VELOCITY_RATE_HZ = 200.0
VELOCITY_WINDOW_S = 4.0
ONE_LIFE = "a channel has one remaining life: take one of them out"


def check_channel(channel: Channel, where: str) -> None:
    """Raise `SettingsError`, naming the channel, for keys that do not go together."""
    kind = KINDS.get(channel.kind)
    if kind is None:
        raise SettingsError(f"{where}: channel {channel.id!r}: unknown kind {channel.kind!r}", expected_one_of(KINDS))
    if channel.unit not in kind.units:
        raise SettingsError(
            f"{where}: channel {channel.id!r}: unit {channel.unit!r} is no unit of {channel.kind}",
            expected_one_of(kind.units),
        )
    if channel.is_waveform and channel.rate_hz <= 0:
        raise SettingsError(f"{where}: channel {channel.id!r}: rate_hz is missing", "a waveform needs its sample rate")
    lives = _lives(channel)
    if channel.remaining_life is not None and len(lives) > 1:
        raise SettingsError(f"{where}: channel {channel.id!r}: {lives[1]} beside {lives[0]}", ONE_LIFE)
    _check_acts(channel, where)
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


def _lives(channel: Channel) -> list[str]:
    """What tells a remaining life at the channel."""
    told = {"crack": channel.kind == "crack", "fatigue": channel.fatigue, "remaining_life": channel.remaining_life}
    return [name for name, there in told.items() if there]


def _check_acts(channel: Channel, where: str) -> None:
    """Refuse a setting that would never act: whoever wrote it believes that the channel is judged by it."""
    scalar_crack = channel.kind == "crack" and not channel.is_waveform
    for key, is_there, can_act, expected in (
        ("fatigue", channel.fatigue, channel.kind == "strain" and channel.is_waveform, "waveforms of kind strain"),
        ("crack", channel.crack, scalar_crack, "scalars of kind crack"),
        ("condition_scheme", channel.condition_scheme, scalar_crack, "scalars of kind crack"),
        (
            "modes_hz",
            channel.modes_hz,
            channel.kind == "vibration" and channel.is_waveform,
            "waveforms of kind vibration",
        ),
    ):
        if is_there and not can_act:
            raise SettingsError(f"{where}: channel {channel.id!r}: {key}", f"expected on {expected} only")
    if channel.plausible is not None and not channel.plausible[0] < channel.plausible[1]:
        raise SettingsError(
            f"{where}: channel {channel.id!r}: plausible {list(channel.plausible)}", "expected [low, high], low < high"
        )
    for limit in channel.limits:
        if limit.quantity != "value" and not channel.is_waveform:
            raise SettingsError(
                f"{where}: channel {channel.id!r}: a limit of {limit.quantity}", "expected quantity value for scalars"
            )
        _check_order(channel, limit, where)


def _check_order(channel: Channel, warn: Limit, where: str) -> None:
    sign = -1.0 if warn.side == "below" else 1.0
    for alarm in channel.limits:
        alike = (warn.level, alarm.level, alarm.side, alarm.quantity) == ("warn", "alarm", warn.side, warn.quantity)
        if alike and sign * alarm.value < sign * warn.value:
            raise SettingsError(
                f"{where}: channel {channel.id!r}: the alarm at {alarm.value:g} comes before the warning at"
                f" {warn.value:g}",
                "expected the warning first",
            )


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


def check_references(places: Mapping[str, Place], where: str) -> None:
    """Raise `SettingsError` for a channel that refers to one that is not of its structure."""
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


def check_groups(structure: Structure, where: str) -> None:
    """Raise `SettingsError`, naming the group, for one whose sensors are not alike."""
    channels = {channel.id: channel for channel in structure.channels}
    seen: set[str] = set()
    first: dict[str, str] = {}
    for group in structure.groups:
        named = f"{where}: structure {structure.id!r}: group {group.id!r}"
        if group.id in seen:
            raise SettingsError(f"{named} appears twice", "give each an id of its own")
        seen.add(group.id)
        missing = [name for name in group.channels if name not in channels]
        if missing:
            raise SettingsError(f"{named}: no channel {missing[0]!r}", expected_one_of(channels))
        if len(set(group.channels)) < len(group.channels):
            raise SettingsError(f"{named}: a channel appears twice", "name each once")
        _check_alike(group, [channels[name] for name in group.channels], named)
        other = first.setdefault(group.channels[0], group.id)
        if other != group.id:
            raise SettingsError(
                f"{named}: begins with {group.channels[0]!r}, as group {other!r} does",
                "results of a group stand at its first channel: begin each with another one",
            )


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


def check_assets(structure: Structure, where: str) -> None:
    """Raise `SettingsError`, naming the asset, for one that its channels cannot be."""
    channels = {channel.id: channel for channel in structure.channels}
    taken: dict[str, str] = {}
    for asset in structure.assets:
        named = f"{where}: structure {structure.id!r}: asset {asset.id!r}"
        if asset.id in channels or asset.id in taken:
            raise SettingsError(f"{named}: another asset or channel has this id", "give each an id of its own")
        wanted = (*(one.channel for one in asset.inputs.values()), asset.stands_at)
        missing = [name for name in wanted if name not in channels]
        if missing:
            raise SettingsError(f"{named}: no channel {missing[0]!r}", expected_one_of(channels))
        others = [
            *_lives(channels[asset.stands_at]),
            *(f"asset {at!r}" for at in taken if taken[at] == asset.stands_at),
        ]
        if others:
            raise SettingsError(f"{named} stands at channel {asset.stands_at!r}, beside {others[0]}", ONE_LIFE)
        taken[asset.id] = asset.stands_at
