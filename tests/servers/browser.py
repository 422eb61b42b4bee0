"""A real browser that is told what to do over its own debugging pipe: any window, any colour scheme, its console read.

The protocol (Chrome DevTools) is JSON with a NUL behind each message, on file descriptors 3 and 4.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.chromium import QUIET
from tests.servers.programs import program

DEADLINE_S = 60.0
# The pipe has the numbers 3 and 4 in the browser, whatever ours are, and also where ours are these two.
_AS_3_AND_4 = """
import fcntl, os, sys
read_fd, write_fd = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(read_fd, 3)
os.dup2(write_fd, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


@dataclass
class Browser:
    """One page of a headless Chromium.

    Attributes:
        problems: what the console and the log of the page said that is an error: scripts that threw, requests refused
            by the page's policy, resources that were not there.
    """

    write_fd: int
    read_fd: int
    session: str = ""
    problems: list[str] = field(default_factory=list)
    _last_id: int = 0
    _rest: bytes = b""

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a protocol command."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._last_id:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]  # type: ignore[no-any-return]
            self._note(answer)

    def open(self, url: str, *, width: int = 1280, height: int = 1200, dark: bool = False) -> None:
        """Load a page in a window of this size; returns when it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)
        self.wait_for(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """The value of a script's expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Until the expression is true."""
        end = time.monotonic() + DEADLINE_S
        while not self.evaluate(script):
            assert time.monotonic() < end, f"not within {DEADLINE_S:g} s: {script}"
            self._drain(0.05)

    def screenshot(self, path: Path) -> Path:
        """A PNG of the whole page."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))
        return path

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE_S
        while b"\0" not in self._rest:
            assert select.select([self.read_fd], [], [], max(0.0, end - time.monotonic()))[0], "the browser is silent"
            chunk = os.read(self.read_fd, 1 << 16)
            assert chunk, "the browser has ended"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)  # type: ignore[no-any-return]

    def _drain(self, wait_s: float) -> None:
        """Take in what the browser says of itself, for so long."""
        while b"\0" in self._rest or select.select([self.read_fd], [], [], wait_s)[0]:
            self._note(self._receive())

    def _note(self, event: dict[str, Any]) -> None:
        said = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        if event.get("method") == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.problems.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        if event.get("method") == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert"):
            self.problems.append(json.dumps(said["args"]))


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A headless Chromium with an empty profile in `folder`; ended at exit."""
    found = program("chromium", "chromium")
    to_browser, write_fd = os.pipe()
    read_fd, from_browser = os.pipe()
    command = [sys.executable, "-c", _AS_3_AND_4, str(to_browser), str(from_browser), str(found.path)]
    process = subprocess.Popen(
        [*command, *QUIET, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"],
        env=found.full_environment(),
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield _attached(Browser(write_fd, read_fd))
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        os.close(write_fd)
        os.close(read_fd)


def _attached(opened: Browser) -> Browser:
    target = opened.call("Target.createTarget", url="about:blank")["targetId"]
    opened.session = opened.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log"):
        opened.call(f"{domain}.enable")
    return opened
