"""What is found and told of the simulated site does not depend on how its readings were framed and batched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloud_service.alert.incident import Incident
from cloud_service.alert.settings import AlertSettings
from cloud_service.alert.stages import Alerts, AlertState, Stages
from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.detectors import DETECTORS
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.analyse.verdicts import note
from sensors_sim.damage import StiffnessLoss
from sensors_sim.scenarios import SCENARIOS, Scenario
from sensors_sim.span import DEFAULT_START, Span, parse_start
from sensors_sim.world import World
from telltale.clock import NS_PER_HOUR, NS_PER_S
from telltale.readings import Block, missing_spans
from telltale.site import Site
from telltale.site_file import load_site
from telltale.source import Chunk

DAYS = 62
# The same as their twins, and most of the time.
LEFT_OUT = ("footbridge.quarter.az", "powerhouse.foundation.ax", "powerhouse.foundation.ay")
PLAYED = {"no_damage": "tunnel.", "stiffness": "footbridge."}  # where not all structures are
GATEWAY = "gw-riverside"
# (ticks a frame, frames a batch); the first is what the others are compared with.
FINEST = (1, 7)
CASES = (
    ("riverside", 1, (5, 64)),
    ("riverside", 1, (48, 7)),
    ("no_damage", 2, (48, 1)),
    ("stiffness", 2, (48, 7)),
)
# A warning, unlike an alarm or a sensor's fault, depends on how old its data is when it comes.
STIFFNESS = Scenario("stiffness", "a twentieth at once", (StiffnessLoss("footbridge", ((45.0, 0.0), (45.1, 0.04))),))


@dataclass
class Told:
    """All that a run said: finding rows, changes of tier, incidents, and what happened to them."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    turns: list[tuple[Any, ...]] = field(default_factory=list)
    incidents: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    acts: list[tuple[Any, ...]] = field(default_factory=list)
    faults: list[Any] = field(default_factory=list)


@cache
def site() -> Site:
    with resources.as_file(resources.files("sensors_sim") / "site" / "site.toml") as path:
        return load_site(Path(path))


@cache
def ticks(scenario: str, seed: int) -> list[list[Chunk]]:
    world = World(
        STIFFNESS if scenario == "stiffness" else SCENARIOS[scenario],
        seed,
        Span(parse_start(DEFAULT_START, "test"), DAYS),
    )
    played = PLAYED.get(scenario, "")
    inputs = [name for name in world.sensors if name.startswith(played) and name not in LEFT_OUT]
    return [[world.chunk(name, tick) for name in inputs] for tick in range(world.span.ticks)]


def frames(chunks: Sequence[list[Chunk]], size: int) -> Iterator[Decoded]:
    """As the agent seals them: of each span the scalars, those of a channel joined, and then the waveforms."""
    for start in range(0, len(chunks), size):
        span = [chunk for tick in chunks[start : start + size] for chunk in tick]
        acquired_ns = max(chunk.t0_ns for chunk in span) + NS_PER_HOUR
        waves = [chunk for chunk in span if site().places[chunk.input].channel.is_waveform]
        rest = sorted((chunk for chunk in span if chunk not in waves), key=lambda chunk: chunk.input)
        yield Decoded(0, GATEWAY, acquired_ns, tuple(joined(list(of)) for _, of in groupby(rest, lambda c: c.input)))
        blocks = (Block(w.input, w.t0_ns, w.rate_hz, w.samples, site_scale(w), flags=w.flags) for w in waves)
        if waves:
            yield Decoded(0, GATEWAY, acquired_ns, tuple(blocks))


def site_scale(chunk: Chunk) -> float:
    if chunk.input.startswith("powerhouse.foundation"):
        return 0.0001
    return 0.0005 if chunk.input.endswith(".az") else 0.1


def joined(chunks: list[Chunk]) -> Block:
    samples = np.concatenate([chunk.samples for chunk in chunks])
    times = [
        chunk.t0_ns + np.rint(np.arange(chunk.samples.size) * NS_PER_S / chunk.rate_hz).astype(np.int64)
        for chunk in chunks
    ]
    t_ns = np.concatenate(times)
    return Block(
        chunks[0].input, int(t_ns[0]), 0.0, samples, flags=missing_spans(samples.astype(float)), dt_ns=t_ns - t_ns[0]
    )


def analyse(chunks: Sequence[list[Chunk]], ticks_a_frame: int, frames_a_batch: int) -> Told:
    step, stages, states, told = Step(site(), DETECTORS, mode="data"), Stages(site(), AlertSettings()), States(), Told()
    alerts: dict[str, AlertState] = {}
    newest: dict[tuple[str, str], str] = {}
    journal = list(frames(chunks, ticks_a_frame))
    for start in range(0, len(journal), frames_a_batch):
        _, result = step(states, journal[start : start + frames_a_batch])
        told.faults.extend(result.faults)
        worth, _ = note(states, result.judged)
        told.rows.extend((f.channel, f.t_ns, f.reason.value, f.tier.value, sorted(f.evidence)) for f in worth)
        for item in result.judged:
            finding = item.finding
            key = (finding.channel, finding.reason.value)
            if newest.get(key, "clear") != finding.tier.value:
                told.turns.append((*key, finding.t_ns, finding.tier.value))
            newest[key] = finding.tier.value
            out = Alerts()
            stages.take(alerts.setdefault(item.structure, AlertState()), finding, item.heard_ns, out)
            record(told, out)
    return told


def record(told: Told, out: Alerts) -> None:
    for update in out.updates:
        told.incidents[update.incident.id] = summary(update.incident)
        told.acts.extend((update.incident.id, act.value, t_ns) for act, t_ns in update.acts)


def summary(incident: Incident) -> tuple[Any, ...]:
    return (
        incident.subject,
        incident.finding.reason.value,
        incident.tier.value,
        incident.opened_ns,
        incident.occurred_ns,
        incident.resolved_ns,
        tuple(sorted(incident.subjects)),
    )


@cache
def finest(scenario: str, seed: int) -> Told:
    return analyse(ticks(scenario, seed), *FINEST)


def assert_same(one: Told, other: Told) -> None:
    assert sorted(one.turns) == sorted(other.turns)
    assert sorted(one.rows) == sorted(other.rows)
    assert one.incidents == other.incidents
    assert sorted(one.acts) == sorted(other.acts)
    assert not one.faults
    assert not other.faults


@pytest.mark.parametrize(("scenario", "seed", "shape"), CASES)
def test_frames_and_batches_do_not_matter(scenario: str, seed: int, shape: tuple[int, int]) -> None:
    assert_same(finest(scenario, seed), analyse(ticks(scenario, seed), *shape))


def test_a_frame_at_a_time_is_no_different() -> None:
    chunks = ticks("riverside", 1)[:600]
    assert_same(analyse(chunks, 1, 1), analyse(chunks, 1, 64))


def test_the_faults_of_the_scenario_are_told() -> None:
    told = finest("riverside", 1)
    assert {incident[1] for incident in told.incidents.values()} >= {"sensor_spikes", "sensor_range", "sensor_stuck"}
