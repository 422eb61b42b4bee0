"""The remaining-life detector: estimates by a model, refusals by name, the same however readings come."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import numpy as np
import pytest

from cloud_service.analyse.decode import Decoded
from cloud_service.analyse.detectors import with_life_models
from cloud_service.analyse.detectors.remaining_life import RemainingLifeDetector
from cloud_service.analyse.life_models import load_life_models
from cloud_service.analyse.states import States
from cloud_service.analyse.step import Step
from cloud_service.model.file import save_model
from telltale.channel_details import RemainingLifeDetail
from telltale.clock import NS_PER_DAY, NS_PER_HOUR
from telltale.errors import SettingsError
from telltale.findings import Reason, Refusal, Tier
from telltale.readings import Block
from telltale.site_file import load_site
from tests.cloud_service.detectors.play import START_NS, findings, lives, place_of, play, rows_of, scalars
from tests.cloud_service.model.trained import tilting_model

DETECTOR = RemainingLifeDetector({"m": tilting_model()})
LIFE = 50
START = date(1970, 1, 1) + timedelta(days=START_NS // NS_PER_DAY)


def tilt(**more):
    return place_of(kind="tilt", unit="mrad", remaining_life=RemainingLifeDetail(model="m", **more))


def wearing(days: int = LIFE, seed: int = 9):
    """Hourly readings of an asset that fails after `LIFE` days."""
    rng = np.random.default_rng(seed)
    day = np.arange(days * 24) / 24
    value = 2 + 3 * np.exp((day + 1 - LIFE) / (0.25 * LIFE)) + 0.2 * rng.standard_normal(day.size)
    return scalars(START_NS + np.arange(day.size) * NS_PER_HOUR, value)


def days_left(life) -> float:
    return (life.p50_ns - life.t_ns) / NS_PER_DAY


def test_it_tells_the_life_that_is_left_and_warns():
    outputs = play(DETECTOR, tilt(since=START), wearing(), at_once=100)
    told = [life for life in lives(outputs) if life.refused is None]
    assert len(told) > 40
    end_ns = START_NS + LIFE * NS_PER_DAY
    inside = [life.p5_ns <= end_ns <= life.p95_ns for life in told]
    assert np.mean(inside) >= 0.8
    assert days_left(told[-1]) < 8
    assert {finding.reason for finding in findings(outputs)} == {Reason.LIFE}
    assert findings(outputs)[-1].tier is Tier.ALARM
    assert "model" in findings(outputs)[-1].evidence
    assert any(START.isoformat() in text for text in told[0].assumptions)


def test_the_first_rows_are_too_few():
    refused = [life for life in lives(play(DETECTOR, tilt(), wearing(3))) if life.refused]
    assert {life.refused for life in refused} == {Refusal.INSUFFICIENT_HISTORY}


def test_an_asset_met_in_the_middle_of_its_life_is_watched_for_longer():
    early, late = (
        [life.refused for life in lives(play(DETECTOR, tilt(since=since), wearing(30)))]
        for since in (START, START - timedelta(days=10))
    )
    assert early.count(Refusal.INSUFFICIENT_HISTORY) < late.count(Refusal.INSUFFICIENT_HISTORY) < len(late)


@pytest.mark.parametrize(("since", "scale", "why"), [(None, 10.0, "value "), (date(1990, 1, 1), 1.0, "age ")])
def test_what_the_model_never_saw_is_refused_by_name(since, scale, why):
    batch = wearing(10)
    batch.values[:] *= scale
    told = lives(play(DETECTOR, tilt(since=since), batch))
    assert {life.refused for life in told} == {Refusal.OUTSIDE_MODEL_RANGE}
    assert all(life.detail.startswith(why) for life in told)


def test_it_does_not_matter_how_readings_were_cut():
    batch = wearing(40)
    batch.faulty[100:150] = True
    batch.values[200:300] = np.nan
    whole, single = (play(DETECTOR, tilt(), batch, at_once=size) for size in (10**9, 1))
    assert msgspec.json.encode(lives(whole)) == msgspec.json.encode(lives(single))
    assert msgspec.json.encode(findings(whole, clear=True)) == msgspec.json.encode(findings(single, clear=True))


def test_another_model_begins_a_memory_of_its_own():
    state, _ = DETECTOR.step(tilt(), DETECTOR.initial(tilt()), wearing(20))
    other = RemainingLifeDetector({"m": msgspec.structs.replace(tilting_model(), sha256="cd" * 32)})
    state, output = other.step(tilt(), state, rows_of(wearing(23), slice(20 * 24, None)))
    assert state.memory.rows == 2
    assert state.model == "cd" * 32
    assert output.lives[0].refused is Refusal.INSUFFICIENT_HISTORY


SITE = """
[[facilities]]
id = "f"
name = "F"
[[facilities.structures]]
id = "s"
name = "S"
[[facilities.structures.channels]]
id = "s.tilt"
kind = "tilt"
unit = "mrad"
gateway = "gw"
interval_s = 3600
"""


@pytest.mark.parametrize(
    ("life", "why"),
    [
        ('{ model = "absent.model" }', "absent.model"),
        ('{ model = "tilt.model", inputs = { other = "value" } }', "'other' is no input"),
        ('{ model = "tilt.model", inputs = { value = "rms" } }', "'rms', which the channel does not have"),
        ('{ model = "tilt.model", inputs = { value = "temperature" } }', "needs a temperature"),
    ],
)
def test_a_site_that_cannot_feed_its_model_is_refused(tmp_path, life, why):
    save_model(tmp_path / "tilt.model", tilting_model().card, tilting_model().model)
    (tmp_path / "site.toml").write_text(SITE + f"remaining_life = {life}\n")
    with pytest.raises(SettingsError, match=why) as error:
        load_life_models(load_site(tmp_path / "site.toml"), tmp_path)
    assert "s.tilt" in str(error.value)


def test_a_site_names_its_model(tmp_path):
    save_model(tmp_path / "tilt.model", tilting_model().card, tilting_model().model)
    (tmp_path / "site.toml").write_text(SITE + 'remaining_life = { model = "tilt.model", since = 2026-01-31 }\n')
    site = load_site(tmp_path / "site.toml")
    assert set(load_life_models(site, tmp_path)) == {"tilt.model"}
    assert site.places["s.tilt"].channel.remaining_life.since == date(2026, 1, 31)


def test_a_channel_has_one_remaining_life(tmp_path):
    text = SITE.replace('"tilt"', '"crack"').replace('"mrad"', '"mm"') + 'remaining_life = { model = "m" }\n'
    (tmp_path / "site.toml").write_text(text)
    with pytest.raises(SettingsError, match="remaining_life beside crack"):
        load_site(tmp_path / "site.toml")


def test_the_service_tells_it_and_goes_on_after_a_restart(tmp_path):
    """Through the service's own step: a frame a day, states packed and read between any two frames or never."""
    save_model(tmp_path / "tilt.model", tilting_model().card, tilting_model().model)
    (tmp_path / "site.toml").write_text(SITE + 'remaining_life = { model = "tilt.model" }\n')
    site = load_site(tmp_path / "site.toml")
    batch = wearing(45)
    told = [
        _through_the_step(Step(site, with_life_models(load_life_models(site, tmp_path))), batch, restart=restart)
        for restart in (False, True)
    ]
    assert msgspec.json.encode(told[0]) == msgspec.json.encode(told[1])
    assert sum(life.refused is None for life in told[0]) > 30


def _through_the_step(step: Step, batch, *, restart: bool):
    states, told, kept = States(), [], {}
    for day in range(len(batch) // 24):
        t_ns, values = batch.t_ns[day * 24 : day * 24 + 24], batch.values[day * 24 : day * 24 + 24]
        block = Block("s.tilt", int(t_ns[0]), 0.0, values, dt_ns=t_ns - t_ns[0])
        states, result = step(states, [Decoded(day + 1, "gw", int(t_ns[-1]), (block,))])
        assert not result.faults
        told += result.lives
        if restart:
            kept.update({(subject, owner): data for subject, owner, data in states.changed()})
            states = States(lambda subject, owner: kept.get((subject, owner)))
    return told
