"""A gate before the store's HTTP port that lets writes through, or misbehaves as a store can."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

MODES = ("open", "429", "503", "slow", "reset", "poison")
RETRY_AFTER_S, SLOW_S = 2, 6
RESET_AFTER_BYTES = 10_000


class Gate:
    """Forwards to `url`; `mode` may be changed at any time, `close` and `open` take the port away and give it back.

    Attributes:
        mode: one of MODES. poison: a body that holds `poison` is answered 422, others pass.
        answered: how often it misbehaved, by mode.
    """

    def __init__(self, url: str, poison: bytes) -> None:
        parts = urlsplit(url)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._server: ThreadingHTTPServer | None = None
        self._reserved: socket.socket | None = None
        self._port = 0
        self.mode = "open"
        self.poison = poison
        self.answered: Counter[str] = Counter()
        self.open()

    @property
    def url(self) -> str:
        """Where the service finds it."""
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Listen, on the same port as before."""
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        handler = type("Handler", (_Handler,), {"gate": self})
        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            # Bound and not listening: connections are refused, and nobody else gets the port meanwhile.
            self._reserved = socket.socket()
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._reserved.bind(("127.0.0.1", self._port))

    @property
    def is_closed(self) -> bool:
        """Whether the store is "down"."""
        return self._server is None

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """What the store answers."""
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: Gate

    def do_GET(self) -> None:
        self._pass(b"")

    def do_POST(self) -> None:
        length, is_write = int(self.headers.get("Content-Length", "0")), "/write" in self.path
        if is_write and self.gate.mode == "reset":
            self.rfile.read(min(length, RESET_AFTER_BYTES))
            self.gate.answered["reset"] += 1
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if self.gate.is_closed:
            self.close_connection = True
            return
        if not (is_write and self._misbehaves(body)):
            self._pass(body)

    def _misbehaves(self, body: bytes) -> bool:
        mode = self.gate.mode
        if mode == "slow":
            self.gate.answered[mode] += 1
            time.sleep(SLOW_S)  # the write then happens, and the answer comes too late
        elif mode in ("429", "503") or (mode == "poison" and self.gate.poison in body):
            self.gate.answered[mode] += 1
            self._answer(422 if mode == "poison" else int(mode), b'{"message":"as the bench asked"}')
            return True
        return False

    def _pass(self, body: bytes) -> None:
        headers = {name: value for name, value in self.headers.items() if name.startswith("Content-")}
        try:
            status, answer = self.gate.forward(self.command, self.path, body, headers)
        except OSError:
            status, answer = 503, b'{"message":"store is down"}'
        with contextlib.suppress(OSError):
            self._answer(status, answer)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", str(RETRY_AFTER_S))
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        return
