"""Pushing dashboards through Grafana's API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.deploy.grafana import DASHBOARDS, GRAFANA

PUSH = str(GRAFANA / "push.py")
WITHOUT_CLIENT = (
    "import runpy, sys; sys.modules['grafana_client'] = None; sys.argv = sys.argv[1:];"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


class Grafana(BaseHTTPRequestHandler):
    """The two parts of Grafana's API that a push meets: folders and dashboards, kept in memory."""

    folders: dict[str, Any]
    dashboards: dict[str, Any]

    def do_GET(self) -> None:
        uid = self.path.rpartition("/")[2]
        self.answer(200, self.folders[uid]) if uid in self.folders else self.answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer a-token":
            self.answer(401, {"message": "unauthorized"})
        elif self.path == "/api/folders":
            self.folders[body["uid"]] = body
            self.answer(200, body)
        elif body["folderUid"] not in self.folders:
            self.answer(400, {"message": "no such folder"})
        else:
            self.dashboards[body["dashboard"]["uid"]] = body["dashboard"]
            self.answer(200, {"status": "success"})

    def answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture
def grafana() -> Iterator[ThreadingHTTPServer]:
    pytest.importorskip("grafana_client", reason="the extra `grafana` is not installed here (it replaces urllib3)")
    Grafana.folders, Grafana.dashboards = {}, {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Grafana)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


def push(*arguments: str, token: str = "a-token", code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, PUSH] if code else [sys.executable, PUSH]
    environment = {**os.environ, "GRAFANA_TOKEN": token}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, env=environment)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_without_grafana_client_it_says_what_to_install():
    done = push("--url", "http://127.0.0.1:1", code=WITHOUT_CLIENT)
    assert "pip install 'telltale-monitor[grafana]'" in one_line(done)


def test_no_token_is_a_clear_line():
    assert "GRAFANA_TOKEN" in one_line(push("--url", "https://grafana.example.org", token=""))


@pytest.mark.parametrize("url", ["http://grafana.example.org", "http://127.0.0.1.example.org", "grafana.example.org"])
def test_a_token_never_travels_in_plain_text(url: str):
    assert "use https" in one_line(push("--url", url))


def test_every_dashboard_arrives_and_twice_changes_nothing(grafana: ThreadingHTTPServer):
    url = f"http://127.0.0.1:{grafana.server_port}"
    for _ in range(2):
        done = push("--url", url, "--datasource-uid", "elsewhere")
        assert done.returncode == 0, done.stderr
    expected = [json.loads(path.read_text().replace('"telltale-influxdb"', '"elsewhere"')) for path in DASHBOARDS]
    assert Grafana.dashboards == {body["uid"]: body for body in expected}
    assert list(Grafana.folders) == ["telltale"]


def test_a_refusal_names_the_dashboard(grafana: ThreadingHTTPServer):
    done = push("--url", f"http://127.0.0.1:{grafana.server_port}", token="wrong")
    assert "refused" in one_line(done)
