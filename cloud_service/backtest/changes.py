"""`--set key=value`: settings as they are, with some of them changed.

Kinds of keys: `CHANNEL.…` as in `site.toml` (`footbridge.midspan.az.limits.warn = 0.9`), `STRUCTURE.groups.ID.…` and
`STRUCTURE.assets.ID.…` likewise, `alert.…` as in `cloud.toml`, and `detectors.NAME.…`, the settings of a detector.
"""

from __future__ import annotations

import copy
import difflib
import tomllib
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_service.alert.settings import AlertSettings, check
from cloud_service.analyse.detector import Detector
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.life_models import LifeModels, load_life_models
from cloud_service.settings import CloudSettings
from telltale.channel_details import Level
from telltale.errors import UserError
from telltale.settings import convert, read_toml
from telltale.site import Site
from telltale.site_file import site_from

KEYS = "expected CHANNEL.key, STRUCTURE.groups.ID.key, STRUCTURE.assets.ID.key, alert.key or detectors.NAME.key"
TABLES = ("groups", "assets")


@dataclass(frozen=True, slots=True)
class Setup:
    """What decides which alerts there are."""

    site: Site
    alert: AlertSettings
    detectors: tuple[Detector, ...]
    life_models: LifeModels


@dataclass(frozen=True, slots=True)
class Change:
    """One `--set`: a key, and its value as TOML gives it."""

    key: str
    value: Any

    @property
    def where(self) -> str:
        """For errors."""
        return f"--set {self.key}"


def parse_change(text: str) -> Change:
    """`key=value`; the value as in TOML, and a text where it is none.

    Raises:
        UserError: there is no key or no value.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise UserError(f"--set {text!r}", "expected key=value")
    try:
        return Change(key.strip(), tomllib.loads(f"value = {value.strip()}")["value"])
    except tomllib.TOMLDecodeError:
        return Change(key.strip(), value.strip())


def as_set(cloud: CloudSettings) -> Setup:
    """The service's own settings."""
    return Setup(cloud.site, cloud.alert(), DETECTORS, cloud.life_models())


def changed(cloud: CloudSettings, changes: Sequence[Change]) -> Setup:
    """The service's settings with `changes`.

    Raises:
        UserError: a key that is not known, or a value that it cannot take; names it.
    """
    alert = copy.deepcopy(cloud.file.alert)
    site = read_toml(cloud.base / cloud.file.site)
    detectors: dict[str, dict[str, Any]] = {}
    of_site: list[str] = []
    for change in changes:
        head, _, rest = change.key.partition(".")
        if head == "alert" and rest:
            _put(alert, rest.split("."), change)
        elif head == "detectors" and "." in rest:
            name, _, path = rest.partition(".")
            _put(detectors.setdefault(name, {}), path.split("."), change)
        else:
            of_site.append(change.key)
            _put(*_place_of(cloud.site, site, change), change)
    settings = convert(alert, AlertSettings, "--set alert")
    folder = (cloud.path.parent / cloud.file.site).parent
    new_site = site_from(site, "--set " + ", ".join(of_site), folder)
    check(settings, new_site, "--set")
    return Setup(new_site, settings, _detectors(detectors), load_life_models(new_site, folder))


def _place_of(site: Site, tables: Mapping[str, Any], change: Change) -> tuple[dict[str, Any], list[str]]:
    """The table that a key of the site speaks of, and the way to go from there."""
    named = {f"{name}.": (place.structure.id, "channels", name) for name, place in site.places.items()}
    for _, structure in site.structures():
        for kind in TABLES:
            for one in getattr(structure, kind):
                named[f"{structure.id}.{kind}.{one.id}."] = (structure.id, kind, one.id)
    found = [name for name in named if change.key.startswith(name)]
    if not found:
        raise _unknown(site, change)
    name = max(found, key=len)
    return _table_of(tables, *named[name]), change.key.removeprefix(name).split(".")


def _unknown(site: Site, change: Change) -> UserError:
    channel = change.key.rpartition(".")[0] or change.key
    near = difflib.get_close_matches(channel, site.places, n=3, cutoff=0.5)
    return UserError(f"{change.where}: unknown key", f"{KEYS}; nearest channels: {', '.join(near) or 'none'}")


def _table_of(site: Mapping[str, Any], structure: str, kind: str, name: str) -> dict[str, Any]:
    """A table of the structure in the site file, which has been read once without errors."""
    for facility in site["facilities"]:
        for one in facility.get("structures", ()):
            for table in one.get(kind, ()) if one["id"] == structure else ():
                if table["id"] == name:
                    found: dict[str, Any] = table
                    return found
    raise UserError(f"{kind} {name!r} is not in the site file", "it was changed just now: try again")


def _put(table: dict[str, Any], path: Sequence[str], change: Change) -> None:
    """Change what `path` names; a list is entered by number, limits by their level too."""
    at: Any = table
    for name in path[:-1]:
        at = _enter(at, name, change)
    last = path[-1]
    if isinstance(at, list):
        entry = at[_index(at, last, change)]
        if not isinstance(change.value, dict) and isinstance(entry, dict) and "value" in entry:
            entry["value"] = change.value  # limits.warn = 0.9
        else:
            at[_index(at, last, change)] = change.value
        return
    at[last] = change.value


def _enter(at: Any, name: str, change: Change) -> Any:
    inner = (
        at[_index(at, name, change)] if isinstance(at, list) else at.setdefault(name, [] if name == "limits" else {})
    )
    if not isinstance(inner, dict | list):
        raise UserError(f"{change.where}: {name!r} has no keys of its own", "leave out what stands behind it")
    return inner


def _index(entries: list[Any], name: str, change: Change) -> int:
    if name.isdecimal() and int(name) < len(entries):
        return int(name)
    found = [at for at, entry in enumerate(entries) if isinstance(entry, dict) and entry.get("level") == name]
    if len(found) == 1:
        return found[0]
    if name in typing.get_args(Level) and found:
        raise UserError(
            f"{change.where}: {len(found)} limits of level {name}", f"expected a number, as limits.{found[0]}"
        )
    known = [str(entry.get("level", at)) if isinstance(entry, dict) else str(at) for at, entry in enumerate(entries)]
    raise UserError(
        f"{change.where}: no entry {name!r}", f"expected one of {', '.join(known)}" if known else "there is none"
    )


def _detectors(wanted: Mapping[str, dict[str, Any]]) -> tuple[Detector, ...]:
    with_settings = {detector.name: kind for detector in DETECTORS if (kind := _settings_of(detector)) is not None}
    for name in wanted:
        if name not in with_settings:
            remedy = f"expected one of {', '.join(with_settings)}"
            raise UserError(f"--set detectors.{name}: no detector of that name has settings", remedy)
    return tuple(
        _with(detector, wanted[detector.name], with_settings[detector.name]) if detector.name in wanted else detector
        for detector in DETECTORS
    )


def _with(detector: Detector, table: Mapping[str, Any], kind: type[Any]) -> Detector:
    make: Callable[..., Detector] = type(detector)
    return make(settings=convert(table, kind, f"--set detectors.{detector.name}"))


def _settings_of(detector: Detector) -> type[Any] | None:
    """The type of the settings that the detector's constructor takes as `settings`."""
    hint = typing.get_type_hints(type(detector).__init__).get("settings")
    return next((kind for kind in typing.get_args(hint) if kind is not type(None)), None)
