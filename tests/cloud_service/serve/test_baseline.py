"""Baselines and the acts that end them, groups, quantiles and model cards, as pages tell them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from cloud_service.analyse.life_models import load_life_models
from cloud_service.baseline_record import Act, BaselineEvent, record
from cloud_service.serve.baseline import baseline_now
from cloud_service.serve.service import Service
from cloud_service.serve.status import channel_now
from telltale.clock import NS_PER_DAY
from telltale.findings import Finding, Life, Reason, Tier
from telltale.site_file import load_site

SITE = Path(str(resources.files("sensors_sim") / "site"))
NOW_NS = 20_600 * NS_PER_DAY
FIRST, NAMED, OTHER = "dam.crest.block5", "dam.crest.block7", "dam.crest.block8"
QUARTER, PUMP = "footbridge.quarter.az", "powerhouse.pump.bearing"
GROUP = Finding(
    channel=FIRST, t_ns=NOW_NS, reason=Reason.NOVELTY_GROUP, tier=Tier.ALARM, score=3.0, value=3.0, limit=1.0,
    limit_source="self-set: own baseline",
    evidence={"group": "blocks", "contributes_most": NAMED, "statistic": "Q", "baseline_rows": 336.0},
)  # fmt: skip


def vibration(**evidence: float | str) -> Finding:
    return Finding(
        channel=QUARTER, t_ns=NOW_NS, reason=Reason.NOVELTY, tier=Tier.CLEAR, score=0.2, value=0.5, limit=3.0,
        unit="σ", limit_source="self-set", evidence=evidence,
    )  # fmt: skip


@pytest.fixture
def riverside(make_service: Callable[..., Service]) -> Service:
    site = load_site(SITE / "site.toml")
    return dataclasses.replace(make_service(), site=site, life_models=load_life_models(site, SITE))


def say(service: Service, finding: Finding) -> None:
    body = msgspec.json.encode({finding.reason.value: finding})
    service.state.execute("INSERT OR REPLACE INTO channel_now VALUES (?, ?, 1.0, ?)", (finding.channel, NOW_NS, body))


def stand(service: Service, finding: Finding) -> None:
    values = (finding.channel, finding.reason.value, finding.tier.value, *[NOW_NS] * 4, msgspec.json.encode(finding))
    service.state.execute(
        "INSERT INTO incidents VALUES ('one', 'riverside', 'dam-crest', ?, ?, ?, 'open', ?, ?, ?, ?, NULL, ?, ?, '[]')",
        (*values, msgspec.json.encode([finding.channel])),
    )


def state_of(service: Service, channel: str) -> list[str]:
    status = channel_now(service.state, service.site, channel)
    assert status is not None
    return [item.state for item in baseline_now(service.state, status).states]


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ({"baseline_days": 5.0, "baseline_needs_days": 21.0}, "learning, day 5 of 21"),
        ({"baseline_days": 43.0}, "43 days are learned"),
        ({"baseline_days": 365.0}, "closed: 365 days"),
    ],
)
def test_a_baseline_is_told_from_its_first_day_to_its_last(
    evidence: dict[str, float | str], said: str, riverside: Service
) -> None:
    say(riverside, vibration(**evidence))
    (state,) = state_of(riverside, QUARTER)
    assert state.startswith(said)


async def test_an_act_is_shown_with_who_and_why(riverside: Service, browse) -> None:
    event = BaselineEvent(
        channel=QUARTER, act=Act.SENSOR_REPLACED, declared_ns=NOW_NS, recorded_ns=NOW_NS - 5, effective_ns=NOW_NS,
        who="R. Meier", why="job <26-014>",
    )  # fmt: skip
    record(riverside.state, [event])
    async with browse(riverside) as client:
        text = (await client.get(f"/channels/{QUARTER}")).text
        other = (await client.get("/channels/footbridge.midspan.az")).text
        (answer,) = (await client.get(f"/api/v1/channels/{QUARTER}/acts")).json()
    assert (answer["act"], answer["who"], answer["why"]) == ("sensor_replaced", "R. Meier", "job <26-014>")
    for said in ("sensor replaced", "R. Meier", "job &lt;26-014&gt;"):
        assert said in text
        assert said not in other


@pytest.mark.parametrize("channel", [FIRST, NAMED, OTHER])
async def test_every_sensor_of_a_group_shows_its_verdict(channel: str, riverside: Service, browse) -> None:
    say(riverside, GROUP)
    async with browse(riverside) as client:
        text = (await client.get(f"/channels/{channel}")).text
        structure = (await client.get("/structures/dam-crest")).text
    assert "3 times the threshold, most of it by dam.crest.block7" in text
    assert "336 rows are learned, each of 2 h" in text
    assert "4 sensors" in structure
    assert "with a probability of 2" in structure


def test_the_status_of_a_group_is_that_of_the_sensor_that_it_names(riverside: Service) -> None:
    say(riverside, GROUP)
    stand(riverside, GROUP)
    tiers = {name: channel_now(riverside.state, riverside.site, name) for name in (FIRST, NAMED, OTHER)}
    assert tiers[NAMED] is not None
    assert tiers[NAMED].tier is Tier.ALARM
    assert tiers[FIRST] is not None
    assert tiers[FIRST].tier is Tier.CLEAR


async def test_an_estimate_shows_its_quantiles_and_leads_to_the_card_of_its_model(riverside: Service, browse) -> None:
    dates = [NOW_NS + days * NS_PER_DAY for days in (10, 12, 20, 30, 33)]
    life = Life(
        channel=PUMP, t_ns=NOW_NS, p5_ns=dates[0], p10_ns=dates[1], p50_ns=dates[2], p90_ns=dates[3], p95_ns=dates[4],
        detail="about 20 days", assumptions=("it ages as they did",), source="a model",
    )  # fmt: skip
    riverside.state.execute("INSERT INTO life_now VALUES (?, ?)", (PUMP, msgspec.json.encode(life)))
    async with browse(riverside) as client:
        text = (await client.get(f"/channels/{PUMP}")).text
        card = await client.get(f"/channels/{PUMP}/model")
        nothing = await client.get(f"/channels/{QUARTER}/model")
    for said in ("P5", "in 10 days", "P95", "in 33 days", f"/channels/{PUMP}/model"):
        assert said in text
    assert card.status_code == 200
    assert "60 assets that failed" in card.text
    assert nothing.status_code == 404
