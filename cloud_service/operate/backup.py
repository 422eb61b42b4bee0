"""`telltale cloud backup DIR -c cloud.toml`: a copy of the service's databases that fit together, while it runs, and of
the settings that they were made with.

Order is what makes them fit. `state.db` first: it names the journal offset that analysis has reached, and holds what
the store has not had yet. Then `journal.db`, which by then holds every frame that the state refers to. Then the
embedded store: it has all that had left the spool when the state was copied; what left it since is there twice, and
storing twice changes nothing. An InfluxDB is backed up by its own tool, after this.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cloud_service.operate.manifest import FileEntry, Manifest, sha256_of, write_manifest
from cloud_service.operate.settings_copy import FOLDER, copy_settings
from cloud_service.settings import CloudSettings, load_cloud
from cloud_service.use_lock import take_lock
from telltale import __version__
from telltale.clock import SystemClock
from telltale.durable_file import make_folder, sync_file, sync_folder
from telltale.errors import FatalError, UserError

PAGES_A_STEP = 4_096  # 16 MiB, so that writers get their turn
BUSY_S = 60.0


def backup(argv: Sequence[str]) -> int:
    """The command; see `telltale cloud backup --help`.

    Raises:
        UserError: nothing to copy, or DIR is not empty.
        FatalError: a database cannot be read, or the disk of DIR does not take it.
    """
    parser = argparse.ArgumentParser(
        prog="telltale cloud backup", description="Copy the databases while they are used, and the settings."
    )
    parser.add_argument("directory", metavar="DIR", help="a folder that is empty or does not exist")
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="cloud.toml")
    arguments = parser.parse_args(argv)
    cloud = load_cloud(Path(arguments.config))
    manifest = copy_all(cloud, Path(arguments.directory))
    for name, entry in manifest.files.items():
        print(f"{name}: {entry.bytes} bytes, sha256 {entry.sha256}")
    for name in manifest.settings:
        print(f"{FOLDER}/{name}")
    print(f"{arguments.directory}: complete, analysed up to journal offset {manifest.offset} of {manifest.journal_end}")
    if cloud.store().kind != "sqlite":
        print("results are in InfluxDB: back it up now with `influx backup` (docs/deploy.md)")
    return 0


def databases(cloud: CloudSettings) -> list[str]:
    """The files to copy, in the order in which they must be copied."""
    store = cloud.store()
    own = [str(getattr(store.settings, "file", "store.db"))] if store.kind == "sqlite" else []
    return ["state.db", "journal.db", *own]


def copy_all(cloud: CloudSettings, directory: Path) -> Manifest:
    """Copy into `directory`, which is complete once the manifest is there: it is written last.

    Raises:
        UserError: nothing to copy, a restore is at work, or `directory` is not empty.
        FatalError: a database cannot be read, or the disk does not take it.
    """
    names = databases(cloud)
    missing = [name for name in names if not (cloud.data_dir / name).is_file()]
    if missing:
        raise UserError(f"{cloud.data_dir / missing[0]}: no such file", "the service has never run with these settings")
    _check_target(cloud, directory)
    with take_lock(cloud.data_dir, shared=True):
        try:
            make_folder(directory, 0o700)  # readings, and addresses of people
            files = {name: _copy(cloud.data_dir / name, directory / name) for name in names}
            settings = copy_settings(cloud, directory)
            sync_folder(directory)
            return _completed(cloud, directory, files, settings)
        except OSError as error:
            raise FatalError(f"{directory}: cannot be written ({error.strerror or error})") from error


def _completed(
    cloud: CloudSettings, directory: Path, files: dict[str, FileEntry], settings: dict[str, str]
) -> Manifest:
    """The manifest, written once all else is there."""
    now = datetime.fromtimestamp(SystemClock().now_ns() / 1e9, UTC)
    manifest = Manifest(
        version=__version__,
        made_at=now.isoformat(timespec="seconds"),
        store=cloud.store().kind,
        offset=_number(directory / "state.db", "SELECT value FROM meta WHERE key = 'offset'"),
        journal_end=_number(directory / "journal.db", "SELECT seq FROM sqlite_sequence WHERE name = 'frames'"),
        files=files,
        settings=settings,
    )
    if manifest.offset > manifest.journal_end:
        raise FatalError(f"{directory}: the journal was replaced while it was copied; back up again")
    write_manifest(directory, manifest)
    return manifest


def _check_target(cloud: CloudSettings, directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UserError(f"{directory}: is not an empty folder", "name a new one for each backup")
    if directory.resolve().is_relative_to(cloud.data_dir.resolve()):
        raise UserError(f"{directory}: lies in the service's data folder", "name a folder elsewhere, on another disk")


def _copy(source: Path, target: Path) -> FileEntry:
    """SQLite's online backup: a whole state between two transactions, however long the copy takes.

    One read transaction spans it: with a busy writer a copy that begins anew with each commit would never end.
    """
    try:
        with (
            contextlib.closing(
                sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
            ) as reading,
            contextlib.closing(sqlite3.connect(target)) as writing,
        ):
            reading.execute("BEGIN")
            reading.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()  # from here on we see one state
            reading.backup(writing, pages=PAGES_A_STEP)
            reading.execute("ROLLBACK")
            writing.execute("PRAGMA journal_mode=DELETE")  # one file, complete by itself
            version = int(writing.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise FatalError(f"{source} → {target}: {error}") from error
    sync_file(target)
    return FileEntry(bytes=target.stat().st_size, sha256=sha256_of(target), schema=version)


def _number(path: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
