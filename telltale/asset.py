"""Things of which many have failed elsewhere: the remaining-life model of an asset, and the channels that feed it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta

from telltale.settings import Settings
from telltale.topics import Name

Positive = Annotated[float, Meta(gt=0)]


class LifeModelUse(Settings, frozen=True):
    """Which model tells an asset's remaining life, and what of that is soon.

    Attributes:
        model: file of `telltale model train`; relative to the site file.
        since: the day on which the asset was new; None: when monitoring began.
        horizon_years, alarm_years: P10 within the one warns, P50 within the other alarms.
    """

    model: str
    since: date | None = None
    horizon_years: Positive = 1.0
    alarm_years: Positive = 0.25


class Input(Settings, frozen=True):
    """What one input of a model is here.

    Attributes:
        channel: of the asset's structure.
        quantity: `value` or `temperature` of a scalar channel, a feature of the window (`rms`, `kurtosis`, `mode1_hz`,
            …) or `temperature` of a waveform; in base units. The temperature is the one that conditions the channel.
    """

    channel: Name
    quantity: str = "value"


class Asset(LifeModelUse, frozen=True, kw_only=True):
    """An asset that several channels of its structure watch.

    Attributes:
        id: unique in the structure, and no channel's.
        inputs: indicator or condition of the model → what it is here; every one is named.
        channel: where its life and its findings stand; None: at the channel of the first input.
        wait_s: for how long a row waits for a channel that has fallen behind, event time; None: two rows of the model.
    """

    id: Name
    inputs: Annotated[dict[str, Input], Meta(min_length=1, max_length=512)]
    channel: Name | None = None
    wait_s: Positive | None = None

    @property
    def stands_at(self) -> str:
        """Id of the channel where its life is told."""
        return self.channel or next(iter(self.inputs.values())).channel
