"""The secrets of a deployment, made by its own script."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPT = str(DEPLOY / "init-secrets.sh")


def make_secrets(folder: Path, gateways: str = "gw-riverside", broker_names: str = "") -> Path:
    environment = {**os.environ, "TELLTALE_GATEWAYS": gateways, "TELLTALE_BROKER_NAMES": broker_names}
    environment.pop("TELLTALE_OWNERS", None)
    subprocess.run([SCRIPT, str(folder)], env=environment, check=True, capture_output=True)
    return folder
