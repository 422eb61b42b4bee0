"""Coverage-guided fuzzing of one target: `python -m tests.fuzz TARGET SECONDS`, by way of `make fuzz`.

What it finds worth keeping goes to `build/fuzz/TARGET`, beside the corpus that the tests replay; a crash ends the run
with status 77 and its input beside it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["telltale", "cloud_service", "edge_agent", "tests.fuzz", "tomllib", "msgspec"]
):
    from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parent
INPUT_BYTES, INPUT_S, RSS_MB = 65_536, 10, 1_024


def main() -> None:
    names = sys.argv[1:2]
    if len(sys.argv) != 3 or names[0] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz TARGET SECONDS; targets: {', '.join(TARGETS)}")
    (name,), seconds = names, int(sys.argv[2])
    found = Path("build", "fuzz", name)
    found.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}", f"-timeout={INPUT_S}", f"-rss_limit_mb={RSS_MB}", f"-max_len={INPUT_BYTES}",
        f"-artifact_prefix={found}{os.sep}crash-", "-verbosity=1", "-print_final_stats=1",
    ]  # fmt: skip
    words = FOLDER / f"{name}.dict"
    if words.exists():
        options.append(f"-dict={words}")
    atheris.Setup([sys.argv[0], *options, str(found), str(FOLDER / "corpus" / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
