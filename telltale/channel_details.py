"""How a channel's readings are judged: its limits, and what a gauge on a detail, a crack or an asset stands for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from telltale.asset import LifeModelUse, Positive
from telltale.detail_categories import DETAILS
from telltale.errors import expected_one_of
from telltale.settings import Settings
from telltale.steel_crack import SteelCrack

Level = Literal["warn", "alarm"]
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
            raise ValueError(f"detail {self.detail!r} is not in the registry, {expected_one_of(DETAILS)}")

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


class RemainingLifeDetail(LifeModelUse, frozen=True):
    """An asset that one channel alone watches (`telltale.asset.Asset` is one of several channels).

    Attributes:
        inputs: indicator of the model → what it is here: `value` or `temperature` of a scalar channel, a feature of
            the window (`rms`, `kurtosis`, `mode1_hz`, …) or `temperature` of a waveform, in base units. An indicator
            that is not named here goes by its own name.
    """

    inputs: dict[str, str] = field(default_factory=dict)
