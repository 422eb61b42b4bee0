"""What durability costs: the same frames with every commit on the disk before it counts (journal, state, store:
`synchronous=FULL`) and with none (`OFF`), edge frame → rows in the store, in turns.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench.rig import rig

PARTS = ("ingest", "analyse", "store")
WARM_UP, FRAMES, TURNS = 20, 250, 3
TARGET = 0.15


def run(folder: Path) -> None:
    walls: dict[bool, list[float]] = {True: [], False: []}
    with rig(folder) as bench:
        for _ in range(TURNS):
            for durable in (True, False):
                with bench.service(PARTS, tls=False, durable=durable) as service:
                    service.play(1, WARM_UP, until="store")
                    walls[durable].append(service.play(WARM_UP + 1, FRAMES, until="store")[0])
    costs = [on / off - 1 for on, off in zip(walls[True], walls[False], strict=True)]
    for durable, found in walls.items():
        rates = "  ".join(f"{FRAMES / wall:7.1f}" for wall in found)
        print(f"durability {'on' if durable else 'off':<4} {rates}  frames/s to the store")
    print(
        f"time that durability costs: {median(costs) * 100:.0f} % (median of {TURNS} pairs:"
        f" {', '.join(f'{cost * 100:.0f}' for cost in costs)}); target ≤ {TARGET * 100:.0f} %"
    )
