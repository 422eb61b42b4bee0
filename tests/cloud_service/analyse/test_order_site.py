"""The simulated site, its frames brought in any order by an agent that restarts and repeats itself."""

from __future__ import annotations

import random
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from cloud_service.analyse.detectors import DETECTORS
from telltale.readings import Block, Frame, RunEnd
from tests.cloud_service.analyse.delivery import Delivery, assert_identical, deliver
from tests.cloud_service.analyse.test_batching_incidents import GATEWAY, frames, ticks

TICKS_A_FRAME = 6
DAYS_PLAYED = 45  # past the baseline of the vibration channels

Sealed = list[tuple[int, tuple[Block, ...]]]


@cache
def sealed() -> Sealed:
    """(acquired_ns, blocks) of every frame, in order."""
    chunks = ticks("riverside", 1)
    played = chunks[: len(chunks) * DAYS_PLAYED // 62]
    return [(frame.heard_ns, frame.blocks) for frame in frames(played, TICKS_A_FRAME)]


def in_runs(rng: random.Random, restarts: int, rewound: int) -> list[Frame]:
    """Frames of an agent that restarts now and then, each time with its source rewound by so many frames."""
    starts = [0, *sorted(rng.sample(range(10, len(sealed())), restarts))]
    found: list[Frame] = []
    ends: tuple[RunEnd, ...] = ()
    for index, start in enumerate(starts):
        stop = starts[index + 1] if index + 1 < len(starts) else len(sealed())
        run_id = bytes([index + 1]) * 16
        part = sealed()[max(0, start - rewound) : stop]
        found += [
            Frame(GATEWAY, run_id, number, acquired_ns, blocks=blocks, after=ends)
            for number, (acquired_ns, blocks) in enumerate(part, start=1)
        ]
        ends = (*ends, RunEnd(run_id, len(part)))
    return found


def play(folder: Path, delivery: Delivery) -> dict[str, Any]:
    folder.mkdir()
    text = (resources.files("sensors_sim") / "site" / "site.toml").read_text(encoding="utf-8")
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return deliver(folder, delivery, DETECTORS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return play(tmp_path_factory.mktemp("site") / "whole", Delivery(in_runs(random.Random(0), 0, 0)))


@pytest.mark.parametrize("seed", range(2))
def test_the_site_is_judged_the_same_to_the_last_bit(tmp_path: Path, undisturbed: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)
    came = in_runs(rng, 4, 9)
    reach = (12, len(came))[seed]  # frames in flight; and live data first, the backlog beside it
    order = sorted(range(len(came)), key=lambda index: index + rng.randrange(reach))
    twice = rng.sample(order, 20)
    delivery = Delivery([came[index] for index in order + twice], (60, 1, 200), ends=(7, 2, 30), batch_frames=64)
    told = play(tmp_path / "disturbed", delivery)
    assert undisturbed["incidents"]
    assert_identical(undisturbed, told)
