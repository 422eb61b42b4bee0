"""Backup under load and restore into a new place: the books close, and what is damaged or in use is refused."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import threading
import urllib.request
from pathlib import Path

import pytest

from bench.keeper import Keeper
from cloud_service.completeness.holes import gateway_books, gateway_holes
from cloud_service.completeness.report import read_ledgers
from cloud_service.database import open_database
from cloud_service.journal.writer import open_journal
from cloud_service.operate.backup import copy_all
from cloud_service.operate.manifest import NAME, read_manifest
from cloud_service.operate.restore import restore_all
from cloud_service.settings import CloudSettings, load_cloud
from cloud_service.state import open_state
from cloud_service.store.sqlite_schema import MIGRATIONS
from cloud_service.use_lock import take_lock
from telltale.errors import FatalError, UserError
from tests.cloud_service.operate.load import CHANNELS, GATEWAY, frame, one, readings, send, site_toml
from tests.e2e.service import running_service, telltale
from tests.servers.process import Server, wait_until

SQLITE = '[store]\nkind = "sqlite"'
FRAMES = 1_000


def settings(folder: Path) -> CloudSettings:
    return load_cloud(folder / "cloud.toml")


def books(data: Path) -> tuple[int, int]:
    """Frames stored by the books, and frames there."""
    return one(data / "journal.db", "SELECT SUM(stored) FROM runs"), one(
        data / "journal.db", "SELECT COUNT(*) FROM frames"
    )


@pytest.mark.e2e
def test_a_backup_under_load_is_whole_and_a_service_goes_on_from_it(broker: Server, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with running_service(first, broker.port, site_toml(), SQLITE) as service:
        load = threading.Thread(target=lambda: asyncio.run(send(broker.port, range(1, FRAMES + 1))))
        load.start()
        wait_until(lambda: readings(service.data) > 0, "first readings")
        manifests = []
        while load.is_alive() or not manifests:
            folder = tmp_path / f"backup{len(manifests)}"
            manifests.append(folder)
            done = telltale("cloud", "backup", folder, "-c", first / "cloud.toml", folder=tmp_path)
            assert done.returncode == 0, done.stderr
        load.join()
        wait_until(lambda: books(service.data)[0] == FRAMES, "frames that the broker still had")
        service.finish()
        assert readings(service.data) == FRAMES * len(CHANNELS)

    for folder in manifests:
        manifest = read_manifest(folder)
        assert manifest.offset <= manifest.journal_end
        stored, present = books(folder)
        assert stored == present == manifest.journal_end
    middle = manifests[len(manifests) // 2] if len(manifests) > 1 else manifests[0]
    had = read_manifest(middle).journal_end
    assert had > 0

    second.mkdir()
    for name in ("cloud.toml", "site.toml"):
        shutil.copy(first / name, second / name)
    done = telltale("cloud", "restore", middle, "-c", second / "cloud.toml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with running_service(second, broker.port, site_toml(), SQLITE) as service:
        service.finish()
        assert readings(service.data) == had * len(CHANNELS)
        refused = telltale("cloud", "restore", middle, "-c", second / "cloud.toml", "--force", folder=tmp_path)
        assert refused.returncode == 2
        assert "in use" in refused.stderr
        asyncio.run(send(broker.port, range(1, FRAMES + 1)))  # what the edge still has comes again: nothing doubles
        wait_until(lambda: books(service.data)[0] == FRAMES, "frames of the run")
        service.finish()
        assert readings(service.data) == FRAMES * len(CHANNELS)
        assert books(service.data) == (FRAMES, FRAMES)


@pytest.mark.e2e
def test_what_gateways_deleted_since_the_backup_is_a_hole_in_the_books(broker: Server, tmp_path: Path) -> None:
    """The books go back in time. The gateway goes on, is acknowledged again, and what is lost for good is shown."""
    with running_service(tmp_path, broker.port, site_toml(), SQLITE) as service:
        keeper = Keeper(broker.port, GATEWAY, frame, frames_a_second=50)
        keeper.start()
        wait_until(lambda: readings(service.data) > 400, "readings")
        done = telltale("cloud", "backup", tmp_path / "backup", "-c", tmp_path / "cloud.toml", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        had = read_manifest(tmp_path / "backup").journal_end
        wait_until(lambda: books(service.data)[0] > had + 100, "frames that are stored after the backup")
        data = service.data
    deleted = keeper.made - keeper.kept
    restore_all(settings(tmp_path), tmp_path / "backup", force=True)
    with running_service(tmp_path, broker.port, site_toml(), SQLITE) as service:
        wait_until(lambda: books(service.data)[0] > had + 50, "frames after the restore")
        keeper.stop_making()
        wait_until(lambda: keeper.kept == 0, "everything acknowledged", 120)
        service.finish()
        with contextlib.closing(open_journal(data)) as journal:
            told = gateway_books(journal)[GATEWAY]
            lost = [hole for hole in gateway_holes(journal, GATEWAY) if hole.cause == "not yet received"]
        assert told.produced == keeper.made
        assert 100 <= told.missing <= deleted - had
        assert sum(hole.frames for hole in lost) == told.missing
        assert all(hole.start_ns and hole.end_ns for hole in lost)
        with contextlib.closing(open_state(data)) as state:
            ledger = read_ledgers(state)[CHANNELS[0]]
        assert sum(gap.missing for gap in ledger.gaps) == told.missing
        answer = urllib.request.urlopen(f"{service.page}/api/v1/gateways/completeness", timeout=30).read()
        assert f'"missing":{told.missing}' in answer.decode()


@pytest.fixture
def backed_up(tmp_path: Path) -> tuple[CloudSettings, Path]:
    """Settings of a service that has run, and a backup of it."""
    (tmp_path / "site.toml").write_text(site_toml())
    (tmp_path / "cloud.toml").write_text(f'site = "site.toml"\n{SQLITE}\n')
    cloud = settings(tmp_path)
    opened = [open_journal(cloud.data_dir), open_state(cloud.data_dir)]
    opened.append(open_database(cloud.data_dir / "store.db", MIGRATIONS))
    opened[1].execute("INSERT INTO meta VALUES ('now_ns', 7)")
    for connection in opened:
        connection.close()
    copy_all(cloud, tmp_path / "backup")
    return cloud, tmp_path / "backup"


def test_a_backup_needs_an_empty_folder_and_a_service_that_has_run(
    backed_up: tuple[CloudSettings, Path], tmp_path: Path
) -> None:
    cloud, backup = backed_up
    with pytest.raises(UserError, match="not an empty folder"):
        copy_all(cloud, backup)
    with pytest.raises(UserError, match="in the service's data folder"):
        copy_all(cloud, cloud.data_dir / "backup")
    shutil.rmtree(cloud.data_dir)
    with pytest.raises(UserError, match=r"state\.db: no such file"):
        copy_all(cloud, tmp_path / "other")


def test_restore_replaces_databases_only_by_force(backed_up: tuple[CloudSettings, Path]) -> None:
    cloud, backup = backed_up
    with pytest.raises(UserError, match=r"exists already: --force"):
        restore_all(cloud, backup, force=False)
    with contextlib.closing(sqlite3.connect(cloud.data_dir / "state.db")) as state:
        state.execute("UPDATE meta SET value = 8")
        state.commit()
    restore_all(cloud, backup, force=True)
    assert one(cloud.data_dir / "state.db", "SELECT value FROM meta WHERE key = 'now_ns'") == 7
    assert not list(cloud.data_dir.glob("*-wal"))
    assert not list(cloud.data_dir.glob(".restore*"))


def test_restore_leaves_a_folder_alone_that_is_in_use(backed_up: tuple[CloudSettings, Path]) -> None:
    cloud, backup = backed_up
    with take_lock(cloud.data_dir, shared=True), pytest.raises(UserError, match="is in use"):
        restore_all(cloud, backup, force=True)


def test_a_restore_that_ended_half_way_keeps_everybody_out(backed_up: tuple[CloudSettings, Path]) -> None:
    cloud, backup = backed_up
    in_the_way = cloud.data_dir / "store.db"
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir()
    with pytest.raises(FatalError, match="restore again"):
        restore_all(cloud, backup, force=True)
    with pytest.raises(UserError, match="a restore did not come to its end"), take_lock(cloud.data_dir, shared=True):
        pass
    in_the_way.rmdir()
    restore_all(cloud, backup, force=True)
    with take_lock(cloud.data_dir, shared=True):
        pass


def test_nothing_is_copied_while_a_restore_is_at_work(backed_up: tuple[CloudSettings, Path], tmp_path: Path) -> None:
    cloud, _ = backed_up
    with take_lock(cloud.data_dir), pytest.raises(UserError, match="is in use"):
        copy_all(cloud, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_place_that_cannot_be_written_is_named(backed_up: tuple[CloudSettings, Path]) -> None:
    with pytest.raises(FatalError, match="/proc/none/backup: cannot be written"):
        copy_all(backed_up[0], Path("/proc/none/backup"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5_000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize("name", ["state.db", "journal.db", "store.db"])
def test_a_damaged_backup_is_refused_by_name(backed_up: tuple[CloudSettings, Path], damage: object, name: str) -> None:
    cloud, backup = backed_up
    damage(backup / name)  # type: ignore[operator]
    shutil.rmtree(cloud.data_dir)
    with pytest.raises(UserError, match=name):
        restore_all(cloud, backup, force=False)
    assert not (cloud.data_dir / "state.db").exists()


def test_a_backup_without_manifest_is_incomplete(backed_up: tuple[CloudSettings, Path]) -> None:
    cloud, backup = backed_up
    (backup / NAME).unlink()
    with pytest.raises(UserError, match="no such file: name the folder of a complete backup"):
        restore_all(cloud, backup, force=True)


@pytest.mark.parametrize("name", ["../state.db", ".hidden", "/etc/state.db"])
def test_a_manifest_names_files_of_its_own_folder_alone(backed_up: tuple[CloudSettings, Path], name: str) -> None:
    cloud, backup = backed_up
    text = (backup / NAME).read_text()
    (backup / NAME).write_text(text.replace('"state.db"', f'"{name}"'))
    with pytest.raises(UserError, match="expected plain names"):
        restore_all(cloud, backup, force=True)
