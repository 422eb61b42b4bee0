"""Files that are whole or not there, and folders that are made with all above them."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from telltale.durable_file import create_durably, make_folder, write_durably

LIMIT_BYTES = 4_096

FAILING = """
import sys
from pathlib import Path
from telltale.durable_file import create_durably, write_durably
write = {"write": write_durably, "create": create_durably}[sys.argv[1]]
try:
    write(Path(sys.argv[2]), b"secret" * 10_000)
except OSError:
    print("refused")
"""


@pytest.mark.parametrize("how", ["write", "create"])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, how: str) -> None:
    old = {"write": {"ca.key": b"old"}, "create": {}}[how]
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", FAILING, how, str(tmp_path / "ca.key")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "refused\n"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == old


def test_what_is_created_is_never_replaced(tmp_path: Path) -> None:
    create_durably(tmp_path / "key", b"first")
    with pytest.raises(FileExistsError):
        create_durably(tmp_path / "key", b"second")
    write_durably(tmp_path / "other", b"one")
    write_durably(tmp_path / "other", b"two")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"key": b"first", "other": b"two"}


def test_a_folder_is_made_with_those_above_it_and_may_exist(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_folder(folder, 0o700)
    make_folder(folder)
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700
