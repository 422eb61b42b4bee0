"""The order in which a structure's channels are judged: what others depend on comes first."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from telltale.errors import SettingsError
from telltale.site import Site, Structure


def judging_order(structure: Structure) -> tuple[tuple[str, ...], ...]:
    """Channel ids, temperatures and inputs before the channels that refer to them, else in file order: level by level.
    Those of a level refer to none of each other.

    Raises:
        SettingsError: channels that are derived from each other in a circle; names them.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for channel in structure.channels:
        sorter.add(channel.id, *_needs(channel.temperature, channel.derived_from))
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise SettingsError(
            f"structure {structure.id!r}: channels refer to each other in a circle ({circle})",
            "take one out of temperature or derived_from",
        ) from None
    levels = []
    while sorter.is_active():
        levels.append(sorter.get_ready())
        sorter.done(*levels[-1])
    return tuple(levels)


def check_order(site: Site) -> None:
    """Raise what `judging_order` raises for any structure of the site."""
    for _, structure in site.structures():
        judging_order(structure)


def _needs(temperature: str | None, derived_from: tuple[str, ...]) -> tuple[str, ...]:
    return derived_from if temperature is None else (temperature, *derived_from)
