"""What the databases of a backup were made with: the settings and the files that they name, kept in `settings/`.

Restoring leaves the settings in place alone, for they are the operator's; it says which differ. Secrets (keys, tokens,
passwords) are never copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from cloud_service.operate.manifest import sha256_of
from cloud_service.settings import CloudSettings
from telltale.durable_file import write_durably
from telltale.errors import FatalError
from telltale.site import Site

FOLDER, ELSEWHERE = "settings", "elsewhere"


def settings_files(cloud: CloudSettings) -> dict[str, Path]:
    """`cloud.toml`, `site.toml`, the models and the histories that it names; name in the backup → the file.

    Names are paths from the folder of `cloud.toml`; of what lies elsewhere, `elsewhere/` and the whole path.
    """
    site = (cloud.base / cloud.file.site).resolve()
    named = (site.parent / name for name in _named(cloud.site))
    return {_name(cloud, path): path for path in (cloud.path, site, *(path.resolve() for path in named))}


def _named(site: Site) -> Iterator[str]:
    for place in site.channels():
        crack, life = place.channel.crack, place.channel.remaining_life
        if crack is not None and crack.steel is not None and crack.steel.histories_file:
            yield crack.steel.histories_file
        if life is not None:
            yield life.model
    for _, structure in site.structures():
        yield from (asset.model for asset in structure.assets)


def _name(cloud: CloudSettings, path: Path) -> str:
    base = cloud.base.resolve()
    inside = path.is_relative_to(base)
    return (path.relative_to(base) if inside else ELSEWHERE / path.relative_to(path.anchor)).as_posix()


def copy_settings(cloud: CloudSettings, directory: Path) -> dict[str, str]:
    """Copy them below `directory`; name → SHA-256 of each.

    Raises:
        FatalError: one that cannot be read, or is gone since the settings were.
        OSError: `directory` does not take it.
    """
    found = {}
    for name, path in settings_files(cloud).items():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise FatalError(f"{path}: cannot be read ({error.strerror or error})") from error
        target = directory / FOLDER / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(target, content)
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def differing(cloud: CloudSettings, kept: Mapping[str, str]) -> list[str]:
    """Names of the backup's settings that are not what the service would run with now; others that it would."""
    now = settings_files(cloud)
    same = {name for name, path in now.items() if path.is_file() and sha256_of(path) == kept.get(name)}
    return sorted(({*kept} | {*now}) - same)
