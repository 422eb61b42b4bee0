"""A service and an agent as real processes, with settings written for one test."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sensors_sim.demo.layout import write_site
from sensors_sim.demo.processes import Child
from sensors_sim.demo.system import TELLTALE, left_over
from tests.servers.process import free_port, wait_until

DEADLINE_S = 300.0
MAIL_FILES = 'kind = "file"\nfolder = "mails"'
SQLITE = '[store]\nkind = "sqlite"\n'


@dataclass
class Service:
    """A running `telltale cloud run`, and how to play something into it."""

    folder: Path
    mqtt_port: int
    page_port: int
    child: Child

    @property
    def data(self) -> Path:
        return self.folder / "cloud-data"

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.page_port}"

    def play(self, edge_toml: str) -> None:
        """Run an agent on `edge_toml` until its sources have ended and everything is acknowledged and finished."""
        path = self.folder / "edge.toml"
        path.write_text(edge_toml.replace("MQTT_PORT", str(self.mqtt_port)), encoding="utf-8")
        done = subprocess.run(
            [*TELLTALE, "edge", "run", "-c", str(path), "--until-drained"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.finish()

    def finish(self) -> None:
        """Until all that was accepted is analysed, stored and mailed."""

        def finished() -> bool:
            self.child.must_run()
            return not left_over(self.data)

        wait_until(finished, f"service in {self.folder}", DEADLINE_S)

    def kill(self, part: str) -> None:
        """`kill -9` of one part; the supervisor starts it again."""
        for process in psutil.Process(self.child.pid).children(recursive=True):
            if part in process.cmdline():
                process.kill()
                return
        raise AssertionError(f"no process of part {part!r}")

    def ask(self, path: str) -> Any:
        """What the API answers."""
        with urllib.request.urlopen(f"{self.page}/api/v1{path}", timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def running_service(
    folder: Path, mqtt_port: int, site_toml: str, store_toml: str, more: str = "", *, notify: str = MAIL_FILES
) -> Iterator[Service]:
    """Start the service with the given site, `[store]` section and keys of `[notify]`; ended at exit."""
    folder.mkdir(parents=True, exist_ok=True)
    page_port = free_port()
    write_site(folder, site_toml)
    (folder / "cloud.toml").write_text(
        f'site = "site.toml"\ndata_dir = "cloud-data"\nclock = "data"\n[broker]\nport = {mqtt_port}\n'
        f"{store_toml}\n[notify]\n{notify}\n[serve]\nport = {page_port}\n{more}",
        encoding="utf-8",
    )
    child = Child("cloud", [*TELLTALE, "cloud", "run", "-c", str(folder / "cloud.toml")], folder / "cloud.log")
    try:
        child.wait_for_port(page_port)
        yield Service(folder, mqtt_port, page_port, child)
    finally:
        child.stop()


def telltale(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a `telltale` command as a user would."""
    return subprocess.run(
        [*TELLTALE, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
