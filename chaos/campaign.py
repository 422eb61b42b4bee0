"""The driver: one fault after the other, now and then two at once, each followed until the system has recovered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from chaos.faults import FAULTS
from chaos.faults.kind import Broken, FaultKind
from chaos.system import System

RECOVERY_DEADLINE_S = 90.0
PAIR_SHARE = 0.15
PAUSE_S = 0.4
POLL_S = 0.1
SAMPLE_S = 0.5
WARM_UP_S = 120.0
PACE_AFTER = 4  # faults, before their mean says how long the rest takes


@dataclass(slots=True)
class FaultRecord:
    """One fault as it went; times in seconds since the campaign began.

    Attributes:
        recovered_s: None: not within the deadline.
        again: frames sent again from its begin until the next fault's.
        beside: the kind that was injected at the same time.
    """

    number: int
    kind: str
    target: str
    detail: str
    began_s: float
    ended_s: float
    recovered_s: float | None
    again: int = 0
    beside: str = ""

    @property
    def recovery_s(self) -> float | None:
        """From the end of the injection until the system worked again."""
        return None if self.recovered_s is None else max(0.0, self.recovered_s - self.ended_s)


@dataclass(slots=True)
class Course:
    """All that happened.

    Attributes:
        began_s: monotonic time of its begin.
        backlog: (s since begin, gateway, readings' age in s that is not in the database yet).
    """

    began_s: float
    faults: list[FaultRecord] = field(default_factory=list)
    backlog: list[tuple[float, str, float]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    injected_s: float = 0.0
    drained_s: float = 0.0


class Campaign:
    """Injects `count` faults into a running system.

    Args:
        system: started.
        rng: of every choice.
        kinds: names to choose from; None: all.
        say: for progress.
        most_s: no fault is begun after so long; 0: no bound.
    """

    def __init__(
        self,
        system: System,
        rng: Random,
        count: int,
        say: Callable[[str], None],
        kinds: Sequence[str] | None = None,
        most_s: float = 0.0,
    ) -> None:
        self._system, self._rng, self._count, self._say, self._most_s = system, rng, count, say, most_s
        self.course = Course(time.monotonic())
        chosen = [FAULTS[name] for name in kinds or FAULTS]
        self.course.skipped = {kind.name: why for kind in chosen if (why := kind.missing(system))}
        self._deck = _deck([kind for kind in chosen if kind.name not in self.course.skipped], rng)
        self._is_draining = False

    async def run(self) -> Course:
        """Inject all of them, drain, and return what happened."""
        sampling = asyncio.create_task(self._sample())
        try:
            await self._flows()
            self.course.began_s = time.monotonic()
            self.course.backlog.clear()
            while len(self.course.faults) < self._count and not (self._most_s and self._now_s() > self._most_s):
                await asyncio.sleep(self._rng.uniform(0, PAUSE_S))
                await self._inject(self._next())
                self._system.keep_pace(self._left_s())
            self._count_again()
            self.course.injected_s = self._now_s()
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
        return self.course

    async def drain(self, deadline_s: float) -> None:
        """Let everything come to its end (see `System.drain`)."""
        sampling = asyncio.create_task(self._sample())
        try:
            await self._system.drain(deadline_s)
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
            self.course.drained_s = self._now_s()

    def _now_s(self) -> float:
        return time.monotonic() - self.course.began_s

    def _left_s(self) -> float:
        """How long the rest will take, by what the faults so far took; at the beginning nothing is known."""
        done, now_s = len(self.course.faults), self._now_s()
        if done < PACE_AFTER:
            return 0.0
        left_s = (self._count - done) * now_s / done
        return min(left_s, self._most_s - now_s) if self._most_s else left_s

    async def _flows(self) -> None:
        """Readings of every gateway are in the database."""
        end = time.monotonic() + WARM_UP_S
        wanted = [gateway.probe for gateway in self._system.gateways]
        while set(wanted) - (await self._system.influx.newest(wanted)).keys():
            if time.monotonic() > end:
                raise TimeoutError("nothing flows into the database before the first fault: see the logs")
            await asyncio.sleep(POLL_S)

    def _next(self) -> list[FaultKind]:
        first = next(self._deck)
        if self._rng.random() >= PAIR_SHARE or self._count - len(self.course.faults) < 2:
            return [first]
        second = next(self._deck)
        return [first, second] if not first.touches & second.touches else [first]

    async def _inject(self, kinds: Sequence[FaultKind]) -> None:
        began_s = self._now_s()
        again = len(self._system.wire.again_s)
        broken = await asyncio.gather(*(kind.inject(self._system, self._rng) for kind in kinds))
        recovered = await asyncio.gather(*(self._recovered(item) for item in broken))
        for kind, item, recovered_s in zip(kinds, broken, recovered, strict=True):
            beside = ", ".join(other.name for other in kinds if other is not kind)
            ended_s = item.ended_s - self.course.began_s
            record = FaultRecord(
                len(self.course.faults) + 1,
                kind.name,
                item.target,
                item.detail,
                began_s,
                ended_s,
                recovered_s,
                again,
                beside,
            )
            self.course.faults.append(record)
            self._tell(record)

    async def _recovered(self, broken: Broken) -> float | None:
        """When the fault was overcome, s since begin: fresh readings are in the database, and what it names works."""
        end = broken.ended_s + RECOVERY_DEADLINE_S
        names = broken.gateways or tuple(gateway.id for gateway in self._system.gateways if gateway.load)
        paths, healed = False, broken.healed is None
        while time.monotonic() < end:
            paths = paths or await self._is_fresh(names, broken.ended_s)
            if broken.healed is not None:
                healed = healed or await broken.healed()
            if paths and healed:
                return self._now_s()
            await asyncio.sleep(POLL_S)
        return None

    async def _is_fresh(self, names: Iterable[str], since_s: float) -> bool:
        gateways = [gateway for gateway in self._system.gateways if gateway.id in names]
        wanted = {}
        for gateway in gateways:
            emitted = self._system.emitted[gateway.id]
            emitted.follow()
            if (tick := emitted.after(since_s)) is None:
                return False
            wanted[gateway.probe] = tick.t0_ns
        newest = await self._system.influx.newest(list(wanted))
        return all(newest.get(channel, 0) >= t0_ns for channel, t0_ns in wanted.items())

    async def _sample(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                newest = await self._system.influx.newest([gateway.probe for gateway in self._system.gateways])
                if not newest:
                    raise OSError("the database does not answer: nothing is known")
                for gateway in self._system.gateways:
                    behind_s = self._behind_s(gateway.id, newest.get(gateway.probe))
                    self.course.backlog.append((self._now_s(), gateway.id, behind_s))
            await asyncio.sleep(SAMPLE_S)

    def _behind_s(self, gateway: str, stored_ns: int | None) -> float:
        """Since when (s) readings that were handed over are not in the database: 0: all are."""
        ticks = self._system.emitted[gateway].ticks.values()
        waiting = [tick.first_s for tick in ticks if stored_ns is None or tick.t0_ns > stored_ns]
        return time.monotonic() - min(waiting) if waiting else 0.0

    def _count_again(self) -> None:
        """What was sent again, fault by fault: until the next one began."""
        faults, total = self.course.faults, len(self._system.wire.again_s)
        begins = [fault.again for fault in faults]
        for number, fault in enumerate(faults):
            rest = zip(faults[number + 1 :], begins[number + 1 :], strict=True)
            until = next((count for other, count in rest if other.began_s > fault.began_s), total)
            fault.again = until - begins[number]

    def _tell(self, record: FaultRecord) -> None:
        took = "NOT RECOVERED" if record.recovery_s is None else f"recovered in {record.recovery_s:.1f} s"
        beside = f" beside {record.beside}" if record.beside else ""
        what = f"{record.kind}{beside}: {record.target} ({record.detail})"
        self._say(f"{record.began_s:7.1f} s  {record.number:4d}  {what}: {took}")


def _deck(kinds: Sequence[FaultKind], rng: Random) -> Iterator[FaultKind]:
    """Every kind once in random order, then again."""
    while True:
        shuffled = list(kinds)
        rng.shuffle(shuffled)
        yield from shuffled
