"""A real InfluxDB for the tests: Debian's 1.6.7 behind a forwarder from `/api/v2/write` to its `/write`.

`TELLTALE_TEST_INFLUX_URL` (with `_TOKEN`, `_ORG`, `_BUCKET`) points the same tests at a full InfluxDB 2 instead.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.process import Server, free_port, running
from tests.servers.programs import program

_SETTINGS = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  max-series-per-database = 0
  max-values-per-tag = 0
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "warn"
"""


@dataclass
class Influx:
    """Where the tests' InfluxDB answers.

    `fail_next` makes the forwarder answer the next writes itself: a list of status codes, first one first. A write
    answered 504 has not failed: it waits in `late` until the test has it carried out.
    """

    url: str
    token: str
    org: str
    bucket: str
    fail_next: list[int] = field(default_factory=list)
    is_v2: bool = False
    late: list[tuple[int, str, bytes]] = field(default_factory=list)

    def carry_out_late(self) -> None:
        """The database does at last what nobody waits for any more."""
        while self.late:
            port, target, body = self.late.pop(0)
            urllib.request.urlopen(f"http://127.0.0.1:{port}{target}", data=body, timeout=60).close()

    def query(self, influxql: str) -> Any:
        """Run InfluxQL and return the parsed answer."""
        import json

        words = urllib.parse.urlencode({"db": self.bucket, "q": influxql, "epoch": "ns"})
        request = urllib.request.Request(f"{self.url}/query?{words}", headers={"Authorization": f"Token {self.token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def new_bucket(self, name: str) -> Influx:
        """The same server with an empty database of its own (InfluxDB 1 only)."""
        body = urllib.parse.urlencode({"q": f'DROP DATABASE "{name}"'}).encode()
        urllib.request.urlopen(f"{self.url}/query", data=body, timeout=60).close()
        body = urllib.parse.urlencode({"q": f'CREATE DATABASE "{name}"'}).encode()
        urllib.request.urlopen(f"{self.url}/query", data=body, timeout=60).close()
        return Influx(self.url, self.token, self.org, name, self.fail_next, self.is_v2, self.late)


class _Forwarder(BaseHTTPRequestHandler):
    """`/api/v2/write?org&bucket&precision` → `/write?db&precision`; `/query` and `/ping` as they are; else 404."""

    protocol_version = "HTTP/1.1"
    upstream_port: int
    influx: Influx

    def do_GET(self) -> None:
        self._forward(None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._forward(body)

    def _forward(self, body: bytes | None) -> None:
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path == "/api/v2/write":
            target = "/write?" + urllib.parse.urlencode(
                {"db": query.get("bucket", ""), "precision": query.get("precision", "ns")}
            )
            if self.influx.fail_next:
                status = self.influx.fail_next.pop(0)
                if status == 504 and body is not None:
                    self.influx.late.append((self.upstream_port, target, body))
                self._answer(status, b'{"code":"test","message":"as the test asked"}', {})
                return
        elif parts.path in ("/query", "/ping"):
            target = self.path
        else:
            self._answer(404, b'{"code":"not found"}', {})
            return
        headers = {
            name: value
            for name in ("Content-Type", "Content-Encoding")
            if (value := self.headers.get(name)) is not None
        }
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=60)
        with contextlib.closing(upstream):
            upstream.request(self.command, target, body, headers)
            answer = upstream.getresponse()
            self._answer(answer.status, answer.read(), {"Content-Type": answer.headers.get("Content-Type", "")})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        return


@contextlib.contextmanager
def influxdb(folder: Path) -> Iterator[Influx]:
    """An InfluxDB, running."""
    url = os.environ.get("TELLTALE_TEST_INFLUX_URL")
    if url:
        yield Influx(
            url.rstrip("/"),
            os.environ.get("TELLTALE_TEST_INFLUX_TOKEN", ""),
            os.environ.get("TELLTALE_TEST_INFLUX_ORG", "telltale"),
            os.environ.get("TELLTALE_TEST_INFLUX_BUCKET", "telltale"),
            is_v2=True,
        )
        return
    found = program("influxd", "influxdb")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = folder / "influxdb.conf"
    settings.write_text(_SETTINGS.format(folder=folder, port=port, rpc=free_port()))
    server = Server(
        [str(found.path), "run", "-config", str(settings)], port, folder / "influxd.log", found.full_environment()
    )
    with running(server), _forwarder(port) as forwarder_url:
        influx = Influx(forwarder_url, "a-token-for-tests", "telltale", "telltale")
        _Forwarder.influx = influx
        influx.new_bucket("telltale")
        yield influx


@contextlib.contextmanager
def _forwarder(upstream_port: int) -> Iterator[str]:
    _Forwarder.upstream_port = upstream_port
    forwarder = ThreadingHTTPServer(("127.0.0.1", 0), _Forwarder)
    forwarder.daemon_threads = True
    thread = threading.Thread(target=forwarder.serve_forever, name="influx-forwarder", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{forwarder.server_port}"
    finally:
        forwarder.shutdown()
        forwarder.server_close()
        thread.join(timeout=10)
