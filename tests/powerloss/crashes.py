"""Replaying a recording up to many points at which the power may fail."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.powerloss.disk import Disk, lay_out
from tests.powerloss.recorder import Call

MEMORY = Path("/dev/shm")  # the disk's part is played by `Disk`; what is opened may lie in memory


def crash(
    calls: Sequence[Call], root: Path, count: int, seed: int, check: Callable[[Path, list[str]], None]
) -> dict[str, int]:
    """Let the power fail `count` times, spread over the recording; `check` gets the folder that is found after it, and
    what the program had said by then. An error of `check` names the number and seed that reproduce it.
    """
    chance = random.Random(seed)
    begin = next(
        number for number, call in enumerate(calls) if any(str(root).encode() in text for text in call.strings)
    )
    points = sorted(chance.choices(range(begin, len(calls) + 1), k=count))
    disk, done, tally = Disk(root), 0, {"calls": len(calls) - begin, "crashes": 0}
    with scratch() as space:
        for number, point in enumerate(points):
            for call in calls[done:point]:
                disk.take(call)
            done = point
            folder = space / str(number)
            folder.mkdir()
            lay_out(disk.after_loss(random.Random(f"{seed}/{number}")), root, folder)
            try:
                check(folder, disk.said)
            except BaseException as error:
                kept = shutil.copytree(folder, root.parent / f"crash-{number}", dirs_exist_ok=True)
                error.add_note(f"crash {number} of seed {seed}, after call {point}; what was found is in {kept}")
                raise
            shutil.rmtree(folder)
            tally["crashes"] += 1
    return tally


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what is written and read a thousand times."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="powerloss-") as folder:
        yield Path(folder)
