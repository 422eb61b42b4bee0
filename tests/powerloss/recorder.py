"""Recording what a program does to its files: every write, sync and change of a name, as the kernel saw it (strace)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.programs import program

CALLS = (
    "openat,close,write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,ftruncate,fallocate,rename,renameat,renameat2,"
    "unlink,unlinkat,mkdir,mkdirat,lseek,dup,dup2,dup3"
)
TIMEOUT_S = 120
LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
FD = re.compile(r"(\d+)")
SURPRISES = ("fallocate", "pwritev", "pwritev2", "dup", "dup2", "dup3", "renameat2")  # not modelled: refused by name


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that succeeded: its name, arguments as text, strings in it as bytes, and its result."""

    name: str
    arguments: str
    strings: tuple[bytes, ...]
    result: int

    @property
    def fd(self) -> int:
        """Its first argument, a file descriptor."""
        found = FD.match(self.arguments)
        assert found is not None, self.arguments[:80]
        return int(found[1])

    @property
    def last_number(self) -> int:
        """Its last argument, a number."""
        return int(self.arguments.rsplit(",", 1)[-1])


def record(script: Path, folder: Path, *arguments: str) -> list[Call]:
    """Run a Python script with `folder` (and `arguments`) as its arguments; returns its calls in order.

    Only the main thread is seen: the script works on its files in no other. What it writes to its standard output is
    among the calls, as writes to 1: so it says in between what it was promised.
    """
    strace = program("strace", "strace")
    trace = folder.parent / f"{script.stem}.trace"
    command = [str(strace.path), "-o", str(trace), "-xx", "-s", "16777216", "-e", f"trace={CALLS}"]
    environment = strace.full_environment() | {
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    running = subprocess.Popen(
        [*command, sys.executable, str(script), str(folder), *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = running.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)  # strace and what it watches
        running.wait()
        raise
    assert running.returncode == 0, errors[-2_000:]
    return list(read_trace(trace))


def read_trace(trace: Path) -> Iterator[Call]:
    """The calls in a trace that succeeded."""
    with trace.open(encoding="ascii") as lines:
        for line in lines:
            found = LINE.match(line)
            if found is None or int(found[3]) < 0:
                continue
            strings = tuple(bytes.fromhex(text.replace("\\x", "")) for text in STRING.findall(found[2]))
            yield Call(found[1], STRING.sub("", found[2]), strings, int(found[3]))
