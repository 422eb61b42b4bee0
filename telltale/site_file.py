"""Reading a `site.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from telltale.errors import SettingsError, expected_one_of
from telltale.settings import Settings, convert, read_toml
from telltale.site import Contact, Facility, Place, Site, Structure
from telltale.site_checks import check_assets, check_channel, check_groups, check_references
from telltale.steel_crack import with_histories


class SiteFile(Settings, frozen=True):
    """The tables of the file."""

    facilities: tuple[Facility, ...]
    contacts: tuple[Contact, ...] = ()


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
    file = convert(table, SiteFile, where)
    facilities = tuple(
        replace(facility, structures=tuple(_complete(structure, folder) for structure in facility.structures))
        for facility in file.facilities
    )
    return build_site(replace(file, facilities=facilities), where)


def build_site(file: SiteFile, where: str) -> Site:
    """Check what single keys cannot tell (unit against kind, references, unique ids) and index the channels."""
    places: dict[str, Place] = {}
    structures: set[str] = set()
    for facility in file.facilities:
        for structure in facility.structures:
            if structure.id in structures:
                raise SettingsError(f"{where}: structure {structure.id!r} appears twice", "give each an id of its own")
            structures.add(structure.id)
            for channel in structure.channels:
                check_channel(channel, where)
                if channel.id in places:
                    raise SettingsError(f"{where}: channel {channel.id!r} appears twice", "give each an id of its own")
                places[channel.id] = Place(facility, structure, channel)
            check_groups(structure, where)
            check_assets(structure, where)
    check_references(places, where)
    for contact in file.contacts:
        for wanted in contact.structures:
            if wanted not in structures:
                raise SettingsError(
                    f"{where}: contact {contact.name!r}: no structure {wanted!r}", expected_one_of(structures)
                )
    return Site(file.facilities, file.contacts, places)
