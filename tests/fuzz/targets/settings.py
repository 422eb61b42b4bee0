"""The settings loaders: any file is settings or one `UserError`, and what is accepted can be used."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib import resources
from pathlib import Path

from cloud_service.settings import load_cloud
from edge_agent.settings import load_edge
from telltale.errors import UserError
from telltale.site_file import load_site
from tests.fuzz.draw import Draw

SITE = (resources.files("sensors_sim") / "site" / "site.toml").read_bytes()


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="telltale-fuzz-"))
    (folder / "known-site.toml").write_bytes(SITE)
    return folder


def target(data: bytes) -> None:
    draw = Draw(data)
    load = draw.choice((_site, _edge, _cloud))
    path = _folder() / "settings.toml"
    path.write_bytes(draw.rest())
    try:
        load(path)
    except UserError as error:
        assert "\n" not in str(error)


def _site(path: Path) -> None:
    site = load_site(path)
    for place in site.channels():
        assert int(place.channel.interval_s * 1e9) > 0
        assert place.channel.to_base_unit
        assert site.contacts_for(place.structure.id, suspect=False) is not None


def _edge(path: Path) -> None:
    load_edge(path)


def _cloud(path: Path) -> None:
    load_cloud(path).check()
