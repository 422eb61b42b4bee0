"""The wheel that users get: built, looked into, installed into a clean environment, its commands run from outside."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOP_LEVEL = {"telltale", "models", "edge_agent", "cloud_service", "sensors_sim", "evaluation"}
COMMANDS = [
    "analyse",
    "backtest",
    "cloud",
    "demo",
    "edge",
    "evaluate",
    "model",
    "modes",
    "pki",
    "replay",
    "sim",
    "standards",
]
pytestmark = pytest.mark.e2e


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=900, check=False)


def passed(*command: str | Path, folder: Path) -> str:
    done = run(*command, folder=folder)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    passed(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY, folder=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    passed(sys.executable, "-m", "venv", "--without-pip", folder / "env", folder=folder)
    python = folder / "env" / "bin" / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    passed(*install, "--require-hashes", "-r", REPOSITORY / "requirements" / "demo.txt", folder=folder)
    passed(*install, "--no-deps", wheel, folder=folder)
    return python


def test_wheel_holds_our_packages_and_nothing_else(wheel: Path) -> None:
    passed(
        sys.executable,
        "-m",
        "check_wheel_contents",
        "--config",
        REPOSITORY / "pyproject.toml",
        wheel,
        folder=wheel.parent,
    )
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == TOP_LEVEL


def test_wheel_holds_the_files_that_commands_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"sensors_sim/site/site.toml", "sensors_sim/site/edge.toml", "telltale/wire/frame.proto"} <= names
    assert {f"evaluation/{name}.toml" for name in ("cmapss", "cwru", "environment", "skab", "virkler")} <= names
    assert any(name.startswith("cloud_service/serve/") and name.endswith(".css") for name in names)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_runs_outside_the_repository(clean_python: Path, tmp_path: Path, name: str) -> None:
    command = clean_python.parent / "telltale"
    assert "usage" in passed(command, name, "--help", folder=tmp_path).lower()


def test_installed_commands_do_real_work(clean_python: Path, tmp_path: Path) -> None:
    command = clean_python.parent / "telltale"
    passed(command, "sim", "--scenario", "riverside", "--days", "2", "--out", tmp_path / "out", folder=tmp_path)
    assert (tmp_path / "out" / "truth.json").exists()
    done = run(command, "cloud", "check", "-c", "nowhere.toml", folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_models_belongs_to_this_distribution_alone(clean_python: Path, tmp_path: Path) -> None:
    code = "from importlib.metadata import packages_distributions as p; print(sorted(set(p()['models'])))"
    assert passed(clean_python, "-c", code, folder=tmp_path).strip() == "['telltale-monitor']"


def test_the_edge_command_never_imports_the_cloud(clean_python: Path, tmp_path: Path) -> None:
    heavy = ["cloud_service", "scipy", "sklearn", "matplotlib", "plotly", "starlette", "structlog", "influxdb_client"]
    code = (
        "import sys; from telltale.cli import main; main(['edge', 'check', '-c', 'nowhere.toml']);"
        f"print(sorted(set(sys.modules) & set({heavy!r})))"
    )
    assert passed(clean_python, "-c", code, folder=tmp_path).strip() == "[]"
