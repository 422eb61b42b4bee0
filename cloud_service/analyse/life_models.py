"""The remaining-life models that a site names: read, and held against the channels that feed them, before work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cloud_service.analyse.gather import Column, Sheet
from cloud_service.model.file import Loaded, load_model
from cloud_service.store.schema import MEASUREMENTS
from telltale.asset import Input, LifeModelUse
from telltale.errors import SettingsError, UserError
from telltale.site import Channel, Place, Site

LifeModels = Mapping[str, Loaded]
"""`LifeModelUse.model` → the model."""

TEMPERATURE, VALUE = "temperature", "value"


@dataclass(frozen=True, slots=True)
class AssetPlace:
    """An asset whose life is told, with the place where that stands.

    Attributes:
        place: of the channel where its life and its findings stand.
        id: unique in the structure.
        use: the site's words on it.
        loaded: its model.
        sheet: rows of each indicator, then each condition of the model, as far apart as the model's.
    """

    place: Place
    id: str
    use: LifeModelUse
    loaded: Loaded
    sheet: Sheet


@dataclass(frozen=True, slots=True)
class _Declared:
    """An asset as the site file has it. `own`: the channel whose own names hold where `inputs` says nothing."""

    where: str
    place: Place
    id: str
    use: LifeModelUse
    inputs: Mapping[str, Input]
    own: str | None = None
    wait_s: float | None = None

    def input_of(self, name: str) -> Input | None:
        found = self.inputs.get(name)
        return Input(channel=self.own, quantity=name) if found is None and self.own is not None else found


def load_life_models(site: Site, base: Path) -> LifeModels:
    """Every model that the site names; paths start from `base`.

    Raises:
        SettingsError: naming the channel or the asset, and the file or the input that it cannot feed.
    """
    found: dict[str, Loaded] = {}
    for one in _declared(site):
        if one.use.model not in found:
            try:
                found[one.use.model] = load_model(base / one.use.model)
            except UserError as error:
                raise SettingsError(f"{one.where}: {error.problem}", error.remedy) from None
        _columns(one, site, found[one.use.model])
    return found


def assets_of(site: Site, models: LifeModels) -> dict[str, tuple[AssetPlace, ...]]:
    """Structure id → its assets whose models were loaded, in file order."""
    found: dict[str, list[AssetPlace]] = {structure.id: [] for _, structure in site.structures()}
    for one in _declared(site):
        loaded = models.get(one.use.model)
        if loaded is not None:
            sheet = sheet_of(loaded, _columns(one, site, loaded), one.wait_s)
            found[one.place.structure.id].append(AssetPlace(one.place, one.id, one.use, loaded, sheet))
    return {structure: tuple(assets) for structure, assets in found.items()}


def sheet_of(loaded: Loaded, columns: tuple[Column, ...], wait_s: float | None = None) -> Sheet:
    """Rows as far apart as the model's."""
    every_s = loaded.card.spacing * loaded.card.unit_s
    holds = msgspec.json.encode((every_s, [(one.channel.id, one.quantity) for one in columns])).decode()
    return Sheet(columns, every_s, wait_s, holds, empty_too=True)


def _declared(site: Site) -> Iterator[_Declared]:
    for place in site.channels():
        detail, channel = place.channel.remaining_life, place.channel.id
        if detail is not None:
            inputs = {name: Input(channel=channel, quantity=quantity) for name, quantity in detail.inputs.items()}
            yield _Declared(f"channel {channel!r}: remaining_life", place, channel, detail, inputs, own=channel)
    for _, structure in site.structures():
        for asset in structure.assets:
            where = f"structure {structure.id!r}: asset {asset.id!r}"
            place = site.places[asset.stands_at]
            yield _Declared(where, place, asset.id, asset, asset.inputs, wait_s=asset.wait_s)


def _columns(one: _Declared, site: Site, loaded: Loaded) -> tuple[Column, ...]:
    wanted = (*loaded.card.indicators, *loaded.card.conditions)
    unknown = sorted(set(one.inputs) - set(wanted))
    if unknown:
        raise SettingsError(
            f"{one.where}: inputs: {unknown[0]!r} is no input of the model", "expected " + ", ".join(wanted)
        )
    return tuple(_column(one, site, name) for name in wanted)


def _column(one: _Declared, site: Site, name: str) -> Column:
    found = one.input_of(name)
    if found is None:
        raise SettingsError(f"{one.where}: inputs: the model's {name!r} is missing", "name the channel that gives it")
    channel = site.places[found.channel].channel
    own = _quantities(channel)
    if found.quantity not in own:
        raise SettingsError(
            f"{one.where}: the model's {name!r} is {found.quantity!r}, which channel {channel.id!r} does not have",
            "name it in inputs, as one of " + ", ".join(sorted(own)),
        )
    if found.quantity == TEMPERATURE and channel.temperature is None:
        raise SettingsError(f"{one.where}: {name!r} needs a temperature", f"name the temperature of {channel.id!r}")
    return Column(channel, found.quantity)


def _quantities(channel: Channel) -> set[str]:
    return {TEMPERATURE, *MEASUREMENTS["window"].fields} if channel.is_waveform else {TEMPERATURE, VALUE}
