"""`telltale cloud restore DIR -c cloud.toml`: a backup back into the data folder of a service that does not run."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from cloud_service.journal.schema import MIGRATIONS as JOURNAL
from cloud_service.operate.backup import databases
from cloud_service.operate.manifest import Manifest, read_manifest, sha256_of
from cloud_service.operate.settings_copy import FOLDER, differing
from cloud_service.settings import CloudSettings, load_cloud
from cloud_service.state import MIGRATIONS as STATE
from cloud_service.store.sqlite_schema import MIGRATIONS as STORE
from cloud_service.use_lock import UNFINISHED, take_lock
from telltale.durable_file import sync_file, sync_folder
from telltale.errors import FatalError, UserError

_SIDE_FILES = ("", "-wal", "-shm", "-journal")


def restore(argv: Sequence[str]) -> int:
    """The command; see `telltale cloud restore --help`.

    Raises:
        UserError: the backup is incomplete or damaged, or the data folder is in use or not empty.
    """
    parser = argparse.ArgumentParser(prog="telltale cloud restore", description="Put a backup in place.")
    parser.add_argument("directory", metavar="DIR", help="the folder of a backup")
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="cloud.toml")
    parser.add_argument("--force", action="store_true", help="replace the databases that are there")
    arguments = parser.parse_args(argv)
    cloud = load_cloud(Path(arguments.config))
    manifest = restore_all(cloud, Path(arguments.directory), force=arguments.force)
    for name in differing(cloud, manifest.settings) if manifest.settings else ():
        print(f"{name}: is not as in {arguments.directory}/{FOLDER}: make sure that you mean it")
    print(f"{cloud.data_dir}: restored as of {manifest.made_at}; start the service")
    print(
        "frames that gateways deleted because they were stored after that time are gone: see Completeness on its pages"
    )
    return 0


def restore_all(cloud: CloudSettings, directory: Path, *, force: bool) -> Manifest:
    """Verify the backup, then replace the databases in the data folder."""
    manifest = read_manifest(directory)
    _check_settings(cloud, manifest, directory)
    for name in manifest.files:
        _verify(directory, name, manifest)
    with take_lock(cloud.data_dir):
        present = [name for name in (*manifest.files, "state.db", "journal.db") if (cloud.data_dir / name).exists()]
        if present and not force:
            raise UserError(
                f"{cloud.data_dir / present[0]}: exists already", "--force replaces the databases that are there"
            )
        _replace(cloud.data_dir, directory, list(manifest.files))
    return manifest


def _check_settings(cloud: CloudSettings, manifest: Manifest, directory: Path) -> None:
    expected = databases(cloud)
    if manifest.store != cloud.store().kind or set(manifest.files) != set(expected):
        raise UserError(
            f"{directory}: a backup of {', '.join(manifest.files)} with store {manifest.store}",
            f"the settings have {', '.join(expected)} with store {cloud.store().kind}",
        )
    known = dict(zip(expected, (len(STATE), len(JOURNAL), len(STORE)), strict=False))
    for name, entry in manifest.files.items():
        if entry.schema > known[name]:
            raise UserError(
                f"{directory / name}: schema version {entry.schema} is newer than this program's {known[name]}",
                f"use telltale {manifest.version} or newer",
            )


def _verify(directory: Path, name: str, manifest: Manifest) -> None:
    """Whether a file is the one that was written, and a database whose pages and indices agree.

    Raises:
        UserError: names the file and what is wrong.
    """
    path, entry = directory / name, manifest.files[name]
    remedy = "the backup is damaged: use another one"
    if not path.is_file():
        raise UserError(f"{path}: no such file", remedy)
    if path.stat().st_size != entry.bytes or sha256_of(path) != entry.sha256:
        raise UserError(f"{path}: is not the file of the manifest (size or SHA-256)", remedy)
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as database:
            found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise UserError(f"{path}: {found}", remedy)


def _replace(data_dir: Path, directory: Path, names: list[str]) -> None:
    """Copy beside, then exchange. A mark stands as long as the files may not fit together."""
    scratch = {name: data_dir / f".restore-{name}" for name in names}
    try:
        for name, path in scratch.items():
            shutil.copyfile(directory / name, path)
            sync_file(path)
        (data_dir / UNFINISHED).touch()
        sync_folder(data_dir)
        for name in names:
            for side in _SIDE_FILES:
                (data_dir / f"{name}{side}").unlink(missing_ok=True)
            scratch[name].replace(data_dir / name)
        sync_folder(data_dir)
        (data_dir / UNFINISHED).unlink()
        sync_folder(data_dir)
    except OSError as error:
        raise FatalError(f"{data_dir}: {error.strerror}; restore again before the service starts") from error
    finally:
        for path in scratch.values():
            path.unlink(missing_ok=True)
