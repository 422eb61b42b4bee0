"""Logs are one JSON object a line, whoever speaks."""

from __future__ import annotations

import json
import subprocess
import sys

SPEAKS = """
import logging
from cloud_service.logs import configure_logs
configure_logs("store")
logging.getLogger("mqtt").error('Error: "quoted" command %d', 16)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("uvicorn").exception("a fault\\nin two lines")
"""


def test_libraries_are_heard_as_json_too() -> None:
    done = subprocess.run([sys.executable, "-c", SPEAKS], capture_output=True, text=True, check=True)
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["event"] == 'Error: "quoted" command 16'
    assert first["level"] == "error"
    assert first["part"] == "store"
    assert second["event"] == "a fault\nin two lines"
    assert "ZeroDivisionError" in json.dumps(second)
