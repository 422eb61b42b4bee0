"""A small site for contract tests."""

from __future__ import annotations

from telltale.settings import convert
from telltale.site import Site
from telltale.site_file import SiteFile, build_site

SCALAR = "bridge.crack"
WAVEFORM = "bridge.az"
GATEWAY = "gw-contract"


def small_site(gateway: str = GATEWAY) -> Site:
    common = {"gateway": gateway, "interval_s": 60.0}
    channels = [
        {"id": SCALAR, "kind": "crack", "unit": "mm", **common},
        {"id": "bridge.crack2", "kind": "crack", "unit": "mm", **common},
        {"id": WAVEFORM, "kind": "vibration", "unit": "m/s2", "rate_hz": 100.0, **common},
    ]
    structure = {"id": "bridge", "name": "Bridge", "channels": channels}
    file = convert({"facilities": [{"id": "river", "name": "River", "structures": [structure]}]}, SiteFile, "test")
    return build_site(file, "test")
