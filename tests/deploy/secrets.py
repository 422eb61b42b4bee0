"""The secrets of a deployment, made by its own script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPT = str(DEPLOY / "init-secrets.sh")


def run_script(folder: Path, broker_names: str = "") -> subprocess.CompletedProcess[str]:
    # `telltale` of this environment, as the image has it on its path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "TELLTALE_BROKER_NAMES": broker_names}
    environment.pop("TELLTALE_OWNERS", None)
    return subprocess.run([SCRIPT, str(folder)], env=environment, capture_output=True, text=True, check=False)


def make_secrets(folder: Path, broker_names: str = "") -> Path:
    done = run_script(folder, broker_names)
    assert done.returncode == 0, done.stderr
    return folder
