from __future__ import annotations

from telltale.settings import convert
from telltale.site import Site
from telltale.site_file import SiteFile, build_site

_LIMITS = [
    {"level": "warn", "value": 0.25, "source": "self-set: comfort"},
    {"level": "alarm", "value": 0.4, "source": "DIN 4150-3:2016 table 1"},
]
_FACILITIES = [
    {
        "id": "riverside",
        "name": "Riverside Park",
        "timezone": "Europe/Berlin",
        "structures": [
            {
                "id": "footbridge",
                "name": "Footbridge",
                "type": "steel footbridge",
                "channels": [
                    {
                        "id": "footbridge.midspan.az",
                        "name": "Midspan, vertical",
                        "kind": "vibration",
                        "unit": "m/s2",
                        "gateway": "gw-riverside",
                        "interval_s": 3600.0,
                        "rate_hz": 100.0,
                        "axis": "z",
                        "position": "midspan, under the deck",
                        "temperature": "footbridge.air",
                        "modes_hz": [[2.0, 4.0], [5.0, 9.0]],
                        "limits": [{**limit, "quantity": "peak"} for limit in _LIMITS],
                    },
                    {
                        "id": "footbridge.girder.strain",
                        "name": "Girder strain",
                        "kind": "strain",
                        "unit": "µε",
                        "gateway": "gw-riverside",
                        "interval_s": 3600.0,
                        "rate_hz": 50.0,
                        "fatigue": {"detail_category_mpa": 71.0},
                    },
                    {
                        "id": "footbridge.air",
                        "name": "Air temperature",
                        "kind": "temperature",
                        "unit": "°C",
                        "gateway": "gw-riverside",
                        "interval_s": 600.0,
                    },
                ],
            }
        ],
    },
    {
        "id": "upper-dam",
        "name": "Upper dam",
        "timezone": "Asia/Seoul",
        "structures": [
            {
                "id": "gallery",
                "name": "Inspection gallery",
                "type": "concrete gallery",
                "channels": [
                    {
                        "id": "gallery.crack-7",
                        "name": "Crack 7",
                        "kind": "crack",
                        "unit": "mm",
                        "gateway": "gw-dam",
                        "interval_s": 3600.0,
                        "position": "block 12, left wall",
                        "temperature": "gallery.air",
                        "crack": {"limit_mm": 1.0, "source": "KALIS guideline 2019, grade e"},
                        "limits": [
                            {"level": "warn", "value": 0.5, "source": "KALIS guideline 2019, grade d"},
                            {"level": "alarm", "value": 1.0, "source": "KALIS guideline 2019, grade e"},
                        ],
                    },
                    {
                        "id": "gallery.air",
                        "name": "Gallery air",
                        "kind": "temperature",
                        "unit": "°C",
                        "gateway": "gw-dam",
                        "interval_s": 3600.0,
                    },
                ],
            },
            {"id": "lining", "name": "Access tunnel lining", "type": "tunnel", "channels": []},
        ],
    },
]
_CONTACTS = [
    {"name": "Ada Manager", "email": "ada@example.org"},
    {"name": "Otto Operator", "email": "otto@example.org", "role": "operator"},
]


def sample_site() -> Site:
    file = convert({"facilities": _FACILITIES, "contacts": _CONTACTS}, SiteFile, "seed")
    return build_site(file, "seed")
