"""The remaining-life models that a site names: read, and held against the channels that feed them, before work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cloud_service.model.file import Loaded, load_model
from cloud_service.store.schema import MEASUREMENTS
from telltale.channel_details import RemainingLifeDetail
from telltale.errors import SettingsError, UserError
from telltale.site import Channel, Site

LifeModels = Mapping[str, Loaded]
"""`RemainingLifeDetail.model` → the model."""

TEMPERATURE, VALUE = "temperature", "value"


def load_life_models(site: Site, base: Path) -> LifeModels:
    """Every model that a channel names; paths start from `base`.

    Raises:
        SettingsError: naming the channel, and the file or the indicator that it cannot feed.
    """
    found: dict[str, Loaded] = {}
    for place in site.channels():
        channel, detail = place.channel, place.channel.remaining_life
        if detail is None:
            continue
        where = f"channel {channel.id!r}: remaining_life"
        if detail.model not in found:
            try:
                found[detail.model] = load_model(base / detail.model)
            except UserError as error:
                raise SettingsError(f"{where}: {error.problem}", error.remedy) from None
        _check_inputs(where, channel, detail, found[detail.model])
    return found


def input_columns(detail: RemainingLifeDetail, loaded: Loaded) -> tuple[str, ...]:
    """What each indicator, then each condition of the model is in the channel."""
    return tuple(detail.inputs.get(name, name) for name in (*loaded.card.indicators, *loaded.card.conditions))


def _check_inputs(where: str, channel: Channel, detail: RemainingLifeDetail, loaded: Loaded) -> None:
    wanted = (*loaded.card.indicators, *loaded.card.conditions)
    unknown = sorted(set(detail.inputs) - set(wanted))
    if unknown:
        raise SettingsError(
            f"{where}: inputs: {unknown[0]!r} is no input of the model", "expected " + ", ".join(wanted)
        )
    own = {VALUE, TEMPERATURE}
    if channel.is_waveform:
        own = {TEMPERATURE, *MEASUREMENTS["window"].fields}
    for name, column in zip(wanted, input_columns(detail, loaded), strict=True):
        if column not in own:
            raise SettingsError(
                f"{where}: the model's {name!r} is {column!r}, which the channel does not have",
                "name it in inputs, as one of " + ", ".join(sorted(own)),
            )
        if column == TEMPERATURE and channel.temperature is None:
            raise SettingsError(f"{where}: {name!r} needs a temperature", "name the channel's temperature")
