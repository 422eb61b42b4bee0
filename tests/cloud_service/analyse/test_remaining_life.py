"""Remaining life through the step: estimates by a model, refusals by name, the same however readings come."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cloud_service.analyse.baselines import Baselines
from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.life_models import load_life_models
from cloud_service.analyse.outcome import StepResult
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.baseline_record import Act, BaselineEvent
from cloud_service.model.file import Loaded, save_model
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.errors import SettingsError
from telltale.findings import Life, Reason, Refusal, Tier
from telltale.readings import Block, missing_spans
from telltale.site import Site
from telltale.site_file import load_site, site_from
from tests.cloud_service.model.trained import tilting_model, two_piers_model

START_NS = 20_500 * NS_PER_DAY
START = date(1970, 1, 1) + timedelta(days=START_NS // NS_PER_DAY)
LIFE = 50
HEAD = """
[[facilities]]
id = "f"
name = "F"
[[facilities.structures]]
id = "s"
name = "S"
"""
CHANNEL = """
[[facilities.structures.channels]]
id = "{id}"
kind = "tilt"
unit = "mrad"
gateway = "gw-{id}"
interval_s = 3600
"""
ALONE = HEAD + CHANNEL.format(id="s.tilt")
PIERS = ("s.left", "s.right")
TWO = HEAD + "".join(CHANNEL.format(id=name) for name in PIERS)
ASSET = """
[[facilities.structures.assets]]
id = "bridge"
model = "m"
inputs = {left = {channel = "s.left"}, right = {channel = "s.right"}}
"""
MODELS = {"m": tilting_model()}
MODELS_OF_TWO = {"m": two_piers_model()}


def site_of(text: str) -> Site:
    return site_from(tomllib.loads(text), "test", Path())


def alone(**more: object) -> Site:
    words = "".join(f", {key} = {value}" for key, value in more.items())
    return site_of(ALONE + f'remaining_life = {{ model = "m"{words} }}\n')


def wear(days: int) -> np.ndarray:
    """0 when new, 1 at the failure after `LIFE` days; by the hour."""
    return np.exp((np.arange(days * 24) / 24 + 1 - LIFE) / (0.25 * LIFE))


def wearing(days: int = LIFE, seed: int = 9) -> np.ndarray:
    return 2 + 3 * wear(days) + 0.2 * np.random.default_rng(seed).standard_normal(days * 24)


def frames(channels: dict[str, np.ndarray], hours: int = 24) -> list[Decoded]:
    """So many hours of one channel a frame, as long as it has any; gateways take turns, heard as readings end."""
    found: list[Decoded] = []
    for start in range(0, max(map(len, channels.values())), hours):
        for name, values in channels.items():
            part = values[start : start + hours]
            if not part.size:
                continue
            dt_ns = np.arange(len(part)) * NS_PER_HOUR
            t0_ns = START_NS + start * NS_PER_HOUR
            block = Block(name, t0_ns, 0.0, part, flags=tuple(missing_spans(part)), dt_ns=dt_ns)
            found.append(Decoded(len(found) + 1, f"gw-{name}", t0_ns + hours * NS_PER_HOUR, (block,)))
    return found


def play(
    site: Site,
    models: dict[str, Loaded],
    entries: Sequence[Decoded],
    at_once: int = 7,
    *,
    restart: bool = False,
    acts: Sequence[BaselineEvent] = (),
) -> StepResult:
    """Frames through the step; with `restart` states are packed and read again between any two batches."""
    step, states, kept, whole = Step(site, (), mode="data", life_models=models), States(), {}, StepResult()
    step.baselines = Baselines(list(acts))
    for start in range(0, len(entries), at_once):
        states, result = step(states, entries[start : start + at_once])
        assert not result.faults
        whole.add(result)
        if restart:
            kept.update({(subject, owner): data for subject, owner, data in states.changed()})
            states = States(lambda subject, owner: kept.get((subject, owner)))
    return whole


def told(values: np.ndarray, **more: object) -> StepResult:
    return play(alone(**more), MODELS, frames({"s.tilt": values}))


def refusals(result: StepResult) -> list[Refusal | None]:
    return [life.refused for life in result.lives]


def days_left(life: Life) -> float:
    assert life.p50_ns is not None
    return (life.p50_ns - life.t_ns) / NS_PER_DAY


def said(result: StepResult) -> bytes:
    """Answers in the order of their times, which decides what stands; verdicts in theirs."""
    answers = sorted(result.lives, key=lambda life: life.t_ns)
    return msgspec.json.encode([answers, [item.finding for item in result.judged]])


def test_it_tells_the_life_that_is_left_and_warns() -> None:
    result = told(wearing(), since=START)
    found = [life for life in result.lives if life.refused is None]
    assert len(found) > 40
    end_ns = START_NS + LIFE * NS_PER_DAY
    assert np.mean([life.p5_ns <= end_ns <= life.p95_ns for life in found]) >= 0.8
    assert days_left(found[-1]) < 8
    assert any(START.isoformat() in text for text in found[0].assumptions)
    findings = [item.finding for item in result.judged]
    assert {finding.reason for finding in findings} == {Reason.LIFE}
    assert findings[-1].tier is Tier.ALARM
    assert {"model", "age", "expected_years"} <= set(findings[-1].evidence)
    assert {rows.measurement for rows in result.rows} == {"reading", "life"}


def test_the_first_rows_are_too_few() -> None:
    assert set(refusals(told(wearing(3)))) == {Refusal.INSUFFICIENT_HISTORY}


def test_an_asset_met_in_the_middle_of_its_life_is_watched_for_longer() -> None:
    early, late = (refusals(told(wearing(30), since=since)) for since in (START, START - timedelta(days=10)))
    assert early.count(Refusal.INSUFFICIENT_HISTORY) < late.count(Refusal.INSUFFICIENT_HISTORY) < len(late)


@pytest.mark.parametrize(("since", "scale", "why"), [(None, 10.0, "value "), (date(1990, 1, 1), 1.0, "age ")])
def test_what_the_model_never_saw_is_refused_by_name(since: date | None, scale: float, why: str) -> None:
    result = told(wearing(10) * scale, **({} if since is None else {"since": since}))
    assert set(refusals(result)) == {Refusal.OUTSIDE_MODEL_RANGE}
    assert all(life.detail.startswith(why) for life in result.lives)


def test_a_refusal_takes_no_warning_back() -> None:
    values = wearing(LIFE)
    values[-48:] = 100.0  # beyond anything that failed
    result = told(values, since=START)
    assert result.lives[-1].refused is Refusal.OUTSIDE_MODEL_RANGE
    assert result.judged[-1].finding.tier is not Tier.CLEAR
    assert result.judged[-1].finding.t_ns < result.lives[-1].t_ns


def test_it_does_not_matter_how_readings_were_cut_nor_where_it_was_restarted() -> None:
    values = wearing(40)
    values[200:300] = np.nan
    whole = play(alone(), MODELS, frames({"s.tilt": values}), at_once=10**6)
    assert refusals(whole).count(Refusal.SENSOR_FAULT) >= 2
    for at_once, restart in ((1, False), (1, True), (5, True)):
        assert said(play(alone(), MODELS, frames({"s.tilt": values}), at_once, restart=restart)) == said(whole)
    single = play(alone(), MODELS, frames({"s.tilt": values}, hours=1), 100)
    assert msgspec.json.encode(single.lives) == msgspec.json.encode(whole.lives)


def test_another_model_begins_a_memory_of_its_own_and_takes_no_warning_back() -> None:
    entries, states = frames({"s.tilt": wearing(LIFE)}), States()
    states, before = Step(alone(since=START), (), life_models=MODELS)(states, entries[:45])
    assert before.judged[-1].finding.tier is not Tier.CLEAR
    other = {"m": msgspec.structs.replace(tilting_model(), sha256="ef" * 32)}
    states, after = Step(alone(since=START), (), life_models=other)(states, entries[45:48])
    assert refusals(after) == [Refusal.INSUFFICIENT_HISTORY] * 3
    assert all("efef" in life.source for life in after.lives)
    assert after.lives[0].detail.endswith("history begun anew: another model")
    assert not after.judged


def test_readings_of_unknown_time_are_refused_once_a_day_and_are_no_part_of_the_history() -> None:
    dated = frames({"s.tilt": wearing(20)}, hours=6)
    mixed = [replace(entry, is_dated=not 40 <= entry.offset <= 50) for entry in dated]
    whole = play(alone(), MODELS, mixed)
    lost = [life for life in whole.lives if life.refused is Refusal.CLOCK_UNRELIABLE]
    assert [(life.t_ns - START_NS) // NS_PER_DAY for life in lost] == [10, 11, 12, 13]
    assert "clock" in lost[0].detail
    without = play(alone(), MODELS, [entry for entry in mixed if entry.is_dated])
    kept = [life for life in whole.lives if life.refused is not Refusal.CLOCK_UNRELIABLE]
    assert msgspec.json.encode(kept) == msgspec.json.encode(without.lives)
    assert said(play(alone(), MODELS, mixed, 1, restart=True)) == said(whole)


@pytest.mark.parametrize(
    ("act", "is_heeded"),
    [
        (Act.SENSOR_MOVED, True),
        (Act.SENSOR_REPLACED, True),
        (Act.STRUCTURE_REPAIRED, True),
        (Act.RECOMMISSIONED, False),
    ],
)
def test_acts_of_operators_end_the_memory_not_the_age(act: Act, *, is_heeded: bool) -> None:
    at_ns = START_NS + 15 * NS_PER_DAY
    times = {"declared_ns": at_ns, "recorded_ns": at_ns, "effective_ns": at_ns}
    event = BaselineEvent(id=1, channel="s.tilt", act=act, who="op", why="test", **times)
    entries = frames({"s.tilt": wearing(LIFE)})
    whole = play(alone(since=START), MODELS, entries, acts=[event])
    before, after = ([life for life in whole.lives if (life.t_ns > at_ns) is late] for late in (False, True))
    plain = play(alone(since=START), MODELS, entries)
    assert msgspec.json.encode(before) == msgspec.json.encode(plain.lives[: len(before)])
    if not is_heeded:
        assert said(whole) == said(plain)
        return
    assert after[0].refused is Refusal.INSUFFICIENT_HISTORY
    assert f"{act.value.replace('_', ' ')}, 2026-03-03" in after[0].detail
    assert any(life.refused is None for life in after[1:])
    assert "2026-03-03" in str(whole.judged[-1].finding.evidence["baseline_since"])
    assert f"age of {LIFE - 1}," in after[-1].detail  # the newest row has not ended
    for at_once in (1, 5, 10**6):
        assert said(play(alone(since=START), MODELS, entries, at_once, restart=True, acts=[event])) == said(whole)


def test_an_asset_that_was_replaced_is_new_since_another_day() -> None:
    entries, states = frames({"s.tilt": np.concatenate([wearing(48), wearing(20)])}), States()
    states, worn = Step(alone(since=START), (), life_models=MODELS)(states, entries[:48])
    assert worn.judged[-1].finding.tier is Tier.ALARM
    replaced = alone(since=START + timedelta(days=48))
    _, fresh = Step(replaced, (), life_models=MODELS)(states, entries[48:])
    assert fresh.lives[1].refused is Refusal.INSUFFICIENT_HISTORY
    assert "history begun anew: new on" in fresh.lives[1].detail
    assert fresh.lives[-1].refused is None
    assert days_left(fresh.lives[-1]) > 15


# --- several channels


def piers(days: int = LIFE) -> dict[str, np.ndarray]:
    noise = 0.2 * np.random.default_rng(5).standard_normal((2, days * 24))
    return {"s.left": 2 + 3 * wear(days) + noise[0], "s.right": 1 - 1.5 * wear(days) + noise[1]}


def test_channels_of_two_gateways_feed_one_model() -> None:
    site = site_of(TWO + ASSET + f'since = {START}\nchannel = "s.right"\n')
    result = play(site, MODELS_OF_TWO, frames(piers()))
    found = [life for life in result.lives if life.refused is None]
    assert {life.channel for life in result.lives} == {"s.right"}
    end_ns = START_NS + LIFE * NS_PER_DAY
    assert np.mean([life.p5_ns <= end_ns <= life.p95_ns for life in found]) >= 0.8
    assert days_left(found[-1]) < 8
    assert result.judged[-1].finding.tier is Tier.ALARM
    assert said(play(site, MODELS_OF_TWO, frames(piers()), 1, restart=True)) == said(result)


def test_which_gateway_came_first_changes_nothing_within_the_wait() -> None:
    site = site_of(TWO + ASSET)
    one = play(site, MODELS_OF_TWO, frames(piers(20)))
    other = play(site, MODELS_OF_TWO, frames(dict(reversed(piers(20).items()))))
    assert msgspec.json.encode(one.lives) == msgspec.json.encode(other.lives)


@pytest.mark.parametrize("lost", [np.nan, None], ids=["missing", "silent"])
def test_an_input_that_stays_away_is_named(lost: float | None) -> None:
    readings = piers(30)
    readings["s.right"][20 * 24 :] = np.nan
    if lost is None:
        readings["s.right"] = readings["s.right"][: 20 * 24]
    result = play(site_of(TWO + ASSET), MODELS_OF_TWO, frames(readings))
    gone = [life for life in result.lives if life.refused is Refusal.SENSOR_FAULT]
    assert len(gone) >= 6
    assert all(life.detail.startswith("right (channel s.right) brought nothing") for life in gone)
    assert result.lives[-1].refused is Refusal.SENSOR_FAULT


def test_features_of_windows_and_a_temperature_feed_a_model(tmp_path: Path) -> None:
    text = (
        HEAD
        + CHANNEL.format(id="s.air").replace("tilt", "temperature").replace("mrad", "degC")
        + (
            CHANNEL.format(id="s.case").replace("tilt", "vibration").replace("mrad", "m/s2")
            + 'rate_hz = 100\nwindow_samples = 128\ntemperature = "s.air"\n'
            + ASSET.replace('{channel = "s.left"}', '{channel = "s.case", quantity = "rms"}').replace(
                '{channel = "s.right"}', '{channel = "s.case", quantity = "temperature"}'
            )
        )
    )
    save_model(tmp_path / "m", two_piers_model().card, two_piers_model().model)
    site = site_of(text)
    models = load_life_models(site, tmp_path)
    result = play(site, dict(models), _shaken(piers(20)))
    assert sum(life.refused is None for life in result.lives) > 10


def _shaken(readings: dict[str, np.ndarray]) -> list[Decoded]:
    """A window an hour whose rms is the left pier's tilt, and the right one's as the temperature."""
    wave = np.sqrt(2) * np.sin(2 * np.pi * np.arange(128) / 16)
    found = []
    for hour, (rms, air) in enumerate(zip(*readings.values(), strict=True)):
        t_ns = START_NS + hour * NS_PER_HOUR
        blocks = (
            Block("s.air", t_ns, 0.0, np.array([air]), dt_ns=np.zeros(1, np.int64)),
            Block("s.case", t_ns, 100.0, (rms * wave).astype(np.float32)),
        )
        found += [
            Decoded(2 * hour + number + 1, f"gw-{block.channel}", t_ns + NS_PER_HOUR, (block,))
            for number, block in enumerate(blocks)
        ]
    return found


def test_other_channels_for_the_same_asset_begin_its_memory_anew() -> None:
    exchanged = site_of(TWO + ASSET.replace("s.left", "x").replace("s.right", "s.left").replace("x", "s.right"))
    entries, states = frames(piers(20)), States()
    states, _ = Step(site_of(TWO + ASSET), (), life_models=MODELS_OF_TWO)(states, entries[:30])
    _, after = Step(exchanged, (), life_models=MODELS_OF_TWO)(states, entries[30:])
    assert not after.faults
    assert {life.refused for life in after.lives} == {Refusal.OUTSIDE_MODEL_RANGE}


# --- what the site file may say


@pytest.mark.parametrize(
    ("life", "why"),
    [
        ('{ model = "absent.model" }', "absent.model"),
        ('{ model = "tilt.model", inputs = { other = "value" } }', "'other' is no input"),
        ('{ model = "tilt.model", inputs = { value = "rms" } }', "'rms', which channel 's.tilt' does not have"),
        ('{ model = "tilt.model", inputs = { value = "temperature" } }', "needs a temperature"),
    ],
)
def test_a_site_that_cannot_feed_its_model_is_refused(tmp_path: Path, life: str, why: str) -> None:
    save_model(tmp_path / "tilt.model", tilting_model().card, tilting_model().model)
    (tmp_path / "site.toml").write_text(ALONE + f"remaining_life = {life}\n")
    with pytest.raises(SettingsError, match=why) as error:
        load_life_models(load_site(tmp_path / "site.toml"), tmp_path)
    assert "s.tilt" in str(error.value)


def test_a_site_names_its_model(tmp_path: Path) -> None:
    save_model(tmp_path / "tilt.model", tilting_model().card, tilting_model().model)
    (tmp_path / "site.toml").write_text(ALONE + 'remaining_life = { model = "tilt.model", since = 2026-01-31 }\n')
    site = load_site(tmp_path / "site.toml")
    assert set(load_life_models(site, tmp_path)) == {"tilt.model"}
    detail = site.places["s.tilt"].channel.remaining_life
    assert detail is not None
    assert detail.since == date(2026, 1, 31)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("right = {", "rihgt = {"), "asset 'bridge': inputs: 'rihgt' is no input of the model"),
        ((', right = {channel = "s.right"}', ""), "asset 'bridge': inputs: the model's 'right' is missing"),
        (
            ('{channel = "s.right"}', '{channel = "s.right", quantity = "rms"}'),
            "'rms', which channel 's.right' does not",
        ),
        (('{channel = "s.right"}', '{channel = "s.right", quantity = "temperature"}'), "temperature of 's.right'"),
        (('"m"', '"absent"'), "asset 'bridge': .*absent"),
    ],
)
def test_an_asset_that_cannot_feed_its_model_is_refused(tmp_path: Path, change: tuple[str, str], why: str) -> None:
    save_model(tmp_path / "m", two_piers_model().card, two_piers_model().model)
    with pytest.raises(SettingsError, match=why):
        load_life_models(site_of(TWO + ASSET.replace(*change)), tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ASSET.replace('"s.right"', '"s.wrong"'), "asset 'bridge': no channel 's.wrong'"),
        (ASSET + 'channel = "s.wrong"\n', "asset 'bridge': no channel 's.wrong'"),
        (ASSET.replace('"bridge"', '"s.left"'), "asset 's.left': another asset or channel"),
        (ASSET + ASSET, "asset 'bridge': another asset or channel"),
        (ASSET + ASSET.replace("bridge", "other"), "asset 'other' stands at channel 's.left', beside asset 'bridge'"),
        ('remaining_life = { model = "m" }\n' + ASSET + 'channel = "s.right"', "'s.right', beside remaining_life"),
        (ASSET.replace("inputs", "imputs"), "imputs"),
    ],
)
def test_an_asset_that_its_channels_cannot_be_is_refused(text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        site_of(TWO + text)


def test_a_channel_has_one_remaining_life() -> None:
    text = ALONE.replace('"tilt"', '"crack"').replace('"mrad"', '"mm"') + 'remaining_life = { model = "m" }\n'
    with pytest.raises(SettingsError, match="remaining_life beside crack"):
        site_of(text)
