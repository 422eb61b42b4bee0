"""What TLS costs: the same frames into the journal by TLS with client certificates and in plaintext, in turns."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench.rig import rig

WARM_UP, FRAMES, TURNS = 20, 600, 3


def run(folder: Path) -> None:
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    with rig(folder) as bench:
        for _ in range(TURNS):
            for tls in (True, False):
                with bench.service(("ingest",), tls=tls) as service:
                    service.play(1, WARM_UP, until="journal")
                    found[tls].append(service.play(WARM_UP + 1, FRAMES, until="journal"))
    for tls, runs in found.items():
        rates = "  ".join(f"{FRAMES / wall:7.1f}" for wall, _ in runs)
        cpu = "  ".join(f"{cpu / FRAMES * 1e3:5.2f}" for _, cpu in runs)
        print(
            f"{'TLS' if tls else 'plain':<6} {rates}  frames/s to the journal; CPU of broker and ingest {cpu} ms a frame"
        )
    for what, index in (("time", 0), ("CPU", 1)):
        ratios = [on[index] / off[index] for on, off in zip(found[True], found[False], strict=True)]
        print(f"{what} with TLS against without: {median(ratios):.2f} × (median of {TURNS} pairs)")
