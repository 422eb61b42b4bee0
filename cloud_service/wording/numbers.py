"""Numbers as people read them: four significant digits, no exponent where a plain number will do."""

from __future__ import annotations

import math


def number(value: float | None) -> str:
    """`0.3124`, `12.5`, `1,204`; a dash where there is no value."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size != 0 and (size < 1e-4 or size >= 1e7):
        return f"{value:.3g}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{float(f'{value:.4g}'):.10g}"


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit."""
    return f"{number(value)} {unit_text(unit)}".rstrip()


def unit_text(unit: str) -> str:
    """A unit as it is printed: `m/s²` for `m/s2`."""
    return unit.replace("s2", "s²")


def size(count: int) -> str:
    """Bytes in the largest fitting unit."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
