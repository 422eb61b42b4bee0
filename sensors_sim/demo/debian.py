"""Programs that are no Python packages (Mosquitto; InfluxDB and Chromium for tests): from the PATH, else Debian's
package downloaded and unpacked into a folder of ours. No root, nothing installed, said aloud.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from telltale.errors import UserError

Say = Callable[[str], None]
APT_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Program:
    """A program to start: its path, and what to add to the environment so that it finds its libraries."""

    path: Path
    environment: Mapping[str, str]

    def full_environment(self) -> dict[str, str]:
        """This process's environment with the additions."""
        return {**os.environ, **self.environment}


def find_program(name: str, package: str, build_dir: Path, say: Say) -> Program:
    """Find `name` on the PATH (system folders included), or unpack Debian's `package` under `build_dir`.

    Raises:
        UserError: neither is possible; names the program and what to install.
    """
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(name, path=search)
    if found is not None:
        return Program(Path(found), {})
    root = build_dir / "debian" / package
    if not (root / ".complete").exists():
        say(f"{name} is not on the PATH: unpacking Debian's package {package!r} into {root}")
        _unpack(package, root, build_dir / "apt", say)
    return _unpacked(name, package, root)


def _unpacked(name: str, package: str, root: Path) -> Program:
    for folder in ("usr/lib/chromium", "usr/sbin", "usr/bin"):  # Chromium in usr/bin is a script with fixed paths
        path = root / folder / name
        if path.exists():
            libraries = sorted({str(lib.parent) for lib in root.rglob("*.so*")})
            older = os.environ.get("LD_LIBRARY_PATH")
            joined = os.pathsep.join([*libraries, *([older] if older else [])])
            return Program(path, {"LD_LIBRARY_PATH": joined})
    raise UserError(f"Debian's package {package!r} holds no program {name!r}", f"install {name} and run again")


def _unpack(package: str, root: Path, apt_dir: Path, say: Say) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise UserError(f"{package} is not installed and this is no Debian", f"install {package} and run again")
    options = _options_with_lists(package, apt_dir, say)
    missing = _missing_packages(package, options)
    downloads = apt_dir / f"{package}-debs"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    _apt([*options, "download", *missing], downloads)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for archive in sorted(downloads.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)  # noqa: S603, S607 - fixed words
    shutil.rmtree(downloads)
    (root / ".complete").touch()


def _options_with_lists(package: str, apt_dir: Path, say: Say) -> list[str]:
    """Options for apt-get under which `package` is known: the system's lists, else fresh lists of our own."""
    if _knows(package, []):
        return []
    (apt_dir / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (apt_dir / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={apt_dir / 'lists'}", "-o", f"Dir::Cache={apt_dir / 'cache'}"]
    if not _knows(package, options):
        say("fetching Debian's package lists (once)")
        _apt([*options, "update"], apt_dir)
    return options


def _knows(package: str, options: Sequence[str]) -> bool:
    done = subprocess.run(  # noqa: S603
        ["apt-get", *options, "install", "--simulate", "--no-install-recommends", package],  # noqa: S607
        capture_output=True,
        check=False,
        timeout=APT_TIMEOUT_S,
    )
    return done.returncode == 0


def _missing_packages(package: str, options: Sequence[str]) -> list[str]:
    """`package` and those of its dependencies that this system lacks."""
    plan = _apt([*options, "install", "--simulate", "--no-install-recommends", package], Path.cwd())
    wanted = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return wanted or [package]


def _apt(arguments: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["apt-get", "-q", *arguments],  # noqa: S607
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=APT_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout or "").strip().splitlines()[-1:] or ["no message"]
        raise UserError(f"apt-get {arguments[-1]} failed ({last[0]})", "install the package by hand") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"apt-get {arguments[-1]} did not answer", "install the package by hand") from None
    return done.stdout
