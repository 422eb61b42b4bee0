"""Rows of every measurement, each field with a value, for the site of `SITE_TOML`."""

from __future__ import annotations

from typing import Any

import numpy as np

from cloud_service.store.schema import MEASUREMENTS, Rows, Type

HOUR_NS = 3_600_000_000_000
START_NS = 1_700_000_000 * 1_000_000_000 // HOUR_NS * HOUR_NS
HOURS = 48
END_NS = START_NS + HOURS * HOUR_NS

MIDSPAN = "footbridge.midspan.az"
# Equal to MIDSPAN where a dot matches any character: a query that does not escape takes its rows too.
DECOY = "footbridge-midspan-az"
THERMOMETER = "footbridge.deck.t"
REFUSED = "gallery.crack-1"
GATEWAYS = ("gw-riverside", "gw.riverside-2")

SITE_TOML = f"""\
[[facilities]]
id = "riverside"
name = "Riverside park"
[[facilities.structures]]
id = "footbridge"
name = "Footbridge"
[[facilities.structures.channels]]
id = "{MIDSPAN}"
kind = "vibration"
unit = "m/s2"
gateway = "{GATEWAYS[0]}"
interval_s = 3600.0
rate_hz = 100.0
[[facilities.structures.channels]]
id = "{DECOY}"
kind = "vibration"
unit = "m/s2"
gateway = "{GATEWAYS[0]}"
interval_s = 3600.0
rate_hz = 100.0
[[facilities.structures.channels]]
id = "{THERMOMETER}"
kind = "temperature"
unit = "°C"
gateway = "{GATEWAYS[0]}"
interval_s = 3600.0
[[facilities]]
id = "upper-dam"
name = "Upper dam"
[[facilities.structures]]
id = "gallery"
name = "Gallery"
[[facilities.structures.channels]]
id = "{REFUSED}"
kind = "crack"
unit = "mm"
gateway = "{GATEWAYS[1]}"
interval_s = 3600.0
"""


def every_row() -> list[Rows]:
    """Two days of hourly rows: all measurements on MIDSPAN and DECOY, readings beside, a refused life, two gateways."""
    batches = []
    for name, measurement in MEASUREMENTS.items():
        if measurement.subject == "gateway":
            batches += [_rows(name, gateway) for gateway in GATEWAYS]
        else:
            batches += [_rows(name, MIDSPAN), _rows(name, DECOY)]
    batches += [_rows("reading", THERMOMETER), _withdrawn_life(), _cleared_finding()]
    return batches


def _rows(measurement: str, subject: str) -> Rows:
    t_ns = START_NS + HOUR_NS * np.arange(HOURS, dtype=np.int64)
    return Rows(measurement, subject, t_ns, _columns(measurement, HOURS))


def _columns(measurement: str, count: int) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, kind in MEASUREMENTS[measurement].fields.items():
        if kind is Type.FLOAT:
            columns[name] = np.linspace(0.9, 1.9, count)
        elif kind is Type.INT:
            columns[name] = np.arange(count, dtype=np.int64)
        elif kind is Type.TEXT:
            columns[name] = [_TEXTS.get((measurement, name), 'a text, with "quotes" and = signs')] * count
        else:
            columns[name] = [b"\x00\xff"] * count
    if measurement == "life":  # refused at first, estimated since
        columns = {name: np.r_[np.nan, np.asarray(values)[1:]] for name, values in columns.items() if name != "refused"}
        columns["refused"] = ["insufficient_history", *[""] * (count - 1)]
    return columns


_TEXTS = {("finding", "reason"): "limit", ("finding", "tier"): "warn", ("novelty", "feature"): "mode1_hz"}


def _withdrawn_life() -> Rows:
    """A channel whose older estimate has since been withdrawn."""
    t_ns = START_NS + HOUR_NS * np.array([1, 2], dtype=np.int64)
    columns: dict[str, Any] = {f"p{p}_years": np.array([3.0, np.nan]) for p in (5, 10, 50, 90, 95)}
    return Rows("life", REFUSED, t_ns, {**columns, "refused": ["", "no_trend"]})


def _cleared_finding() -> Rows:
    """A warning that has cleared."""
    t_ns = START_NS + HOUR_NS * np.array([1, 2], dtype=np.int64)
    columns = {"reason": ["crack_trend"] * 2, "tier": ["warn", "clear"], "score": np.array([1.1, 0.2])}
    return Rows("finding", REFUSED, t_ns, columns)
