"""Broken links: cut, half-open, slow, reset, and cut after exactly so many bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from random import Random

from chaos.faults.kind import Broken, FaultKind
from chaos.link import Link, Way
from chaos.system import System

Choose = Callable[[System, Random], Link]
Break = Callable[[Link, Random], Awaitable[str]]
# What passes in a second or two: frames one way, answers the other.
MOST_BYTES = {
    "agent-broker": {Way.UP: 40_000, Way.DOWN: 300},
    "service-broker": {Way.UP: 300, Way.DOWN: 60_000},
    "store-database": {Way.UP: 60_000, Way.DOWN: 500},
    "notify-mail": {Way.UP: 15_000, Way.DOWN: 250},
}
BYTES_DEADLINE_S = 5.0


async def _cut(link: Link, rng: Random) -> str:
    duration_s = rng.uniform(0.2, 2.0)
    await link.cut(duration_s)
    return f"for {duration_s:.1f} s"


async def _half_open(link: Link, rng: Random) -> str:
    duration_s = rng.uniform(0.5, 4.0)
    await link.half_open(duration_s)
    return f"for {duration_s:.1f} s"


async def _one_way(link: Link, rng: Random) -> str:
    """What is sent arrives, and no answer ever does: what was stored is sent again."""
    duration_s = rng.uniform(0.5, 4.0)
    await link.half_open(duration_s, frozenset({Way.DOWN}))
    return f"no answer for {duration_s:.1f} s"


async def _delay(link: Link, rng: Random) -> str:
    delay_s, duration_s = rng.uniform(0.05, 0.6), rng.uniform(0.5, 2.0)
    await link.slow(delay_s, duration_s)
    return f"by {delay_s * 1000:.0f} ms for {duration_s:.1f} s"


async def _reset(link: Link, rng: Random) -> str:
    way = rng.choice(tuple(Way))
    await link.cut_after(way, 1, BYTES_DEADLINE_S) if rng.random() < 0.5 else link.drop_all(reset=True)
    return f"RST while bytes go {way.value}"


async def _cut_after(most: Mapping[Way, int], link: Link, rng: Random) -> str:
    way = rng.choice(tuple(Way))
    count = round(most[way] ** rng.random())  # as often within the first packet as within a large frame
    is_cut = await link.cut_after(way, count, BYTES_DEADLINE_S)
    return f"after {count} bytes {way.value}" if is_cut else f"fewer than {count} bytes came {way.value}"


BREAKS: dict[str, Callable[[Mapping[Way, int]], Break]] = {
    "cut": lambda _most: _cut,
    "half-open": lambda _most: _half_open,
    "one-way": lambda _most: _one_way,
    "delay": lambda _most: _delay,
    "reset": lambda _most: _reset,
    "cut after N bytes": lambda most: partial(_cut_after, most),
}
LINKS: dict[str, Choose] = {
    "agent-broker": lambda system, rng: rng.choice(list(system.agent_links.values())),
    "service-broker": lambda system, _rng: system.to_broker,
    "store-database": lambda system, _rng: system.to_database,
    "notify-mail": lambda system, _rng: system.to_postbox,
}


async def break_link(choose: Choose, how: Break, system: System, rng: Random) -> Broken:
    """Break one link in one way."""
    link = choose(system, rng)
    detail = await how(link, rng)
    return Broken(link.name, detail)


KINDS = [
    FaultKind(f"{how} {name}", partial(break_link, choose, make(MOST_BYTES[name])), frozenset({name}))
    for name, choose in LINKS.items()
    for how, make in BREAKS.items()
]
