"""Run the benches named on the command line, or all. `name=number` gives a bench that takes one its number."""

from __future__ import annotations

import importlib
import platform
import sys
import tempfile
from pathlib import Path

BENCHES = (
    "wire",
    "spectra",
    "novelty",
    "pipeline",
    "edge",
    "outage",
    "backlog",
    "reconnect",
    "durability",
    "tls",
    "latency",
    "flood",
)


def main() -> int:
    words = sys.argv[1:] or list(BENCHES)
    chosen = [(name, [float(number)] if number else []) for name, _, number in (word.partition("=") for word in words)]
    unknown = [name for name, _ in chosen if name not in BENCHES]
    if unknown:
        print(f"bench: no bench {unknown[0]!r}: expected {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {platform.machine()}; rates hold for this machine, ratios travel")
    for name, numbers in chosen:
        print(f"\n== {name}")
        with tempfile.TemporaryDirectory(prefix=f"telltale-bench-{name}-") as folder:
            importlib.import_module(f"bench.{name}").run(Path(folder), *numbers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
