"""The registry of channel kinds. A new kind is one entry here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """How readings of a kind are stored and analysed."""

    SCALAR = "scalar"  # every reading is one record
    WAVEFORM = "waveform"  # windows of equally spaced samples; features are the records, samples are counted


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of channel.

    Attributes:
        name: the word used in settings.
        shape: scalar readings or waveform windows, unless the channel's settings say otherwise.
        units: accepted units, the first one being the one that analysis works in, with the factor to it.
        quantity: what is measured, for people.
    """

    name: str
    shape: Shape
    units: dict[str, float]
    quantity: str

    @property
    def base_unit(self) -> str:
        """The unit that analysis works in."""
        return next(iter(self.units))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("vibration", Shape.WAVEFORM, {"m/s2": 1.0, "g": 9.80665, "mm/s2": 1e-3}, "acceleration"),
        Kind("strain", Shape.WAVEFORM, {"µε": 1.0, "ue": 1.0, "m/m": 1e6}, "strain"),
        Kind("crack", Shape.SCALAR, {"mm": 1.0, "µm": 1e-3}, "crack width"),
        Kind("temperature", Shape.SCALAR, {"°C": 1.0, "degC": 1.0}, "temperature"),
        Kind("tilt", Shape.SCALAR, {"mrad": 1.0, "deg": 17.453292519943297}, "inclination"),
    )
}
