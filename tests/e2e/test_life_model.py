"""A remaining-life model from `telltale model train` to the mail: two gauges feed it in a running service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from cloud_service.model.file import save_model
from tests.cloud_service.model.trained import two_piers_csv, two_piers_model
from tests.e2e.replayed import edge, scalars, site, write_csv
from tests.e2e.service import SQLITE, Service, running_service, telltale
from tests.e2e.stores import read
from tests.servers.process import Server, wait_until

pytestmark = pytest.mark.e2e
GATEWAY = "gw-bearing"
GAUGES = ("deck.left", "deck.right")
START, LIFE_DAYS, EVERY_S = "2026-03-01", 50, 3600
QUANTILES = ("p5_years", "p10_years", "p50_years", "p90_years", "p95_years")
QUICK = "trees = 20\nleaf_rows = 10\nevery = 1\nmembers = 1\nfolds = 3\n"
ASSET = """
[[facilities.structures.assets]]
id = "bearing"
model = "bearing.model"
inputs = {left = {channel = "deck.left"}, right = {channel = "deck.right"}}
since = 2026-03-01
channel = "deck.right"
"""
SITE = site("deck", scalars(GATEWAY, dict.fromkeys(GAUGES, ""), EVERY_S) + ASSET)


def train(folder: Path) -> str:
    """Writes the model that the site names; its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bearings.csv").write_text(two_piers_csv(), encoding="utf-8")
    (folder / "quick.toml").write_text(QUICK, encoding="utf-8")
    arguments = ("bearings.csv", "-o", "bearing.model", "--settings", "quick.toml")
    done = telltale("model", "train", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return next(line.split()[-1] for line in done.stdout.splitlines() if line.startswith("model sha256"))


def play(service: Service, first_day: int, days: int, scale: float = 1.0) -> None:
    """Some days of a bearing that fails after `LIFE_DAYS`."""
    rng = np.random.default_rng(first_day)
    day = first_day + np.arange(days * 24) / 24
    wear = np.exp((day + 1 - LIFE_DAYS) / (0.25 * LIFE_DAYS))
    noise = 0.1 * rng.standard_normal((2, day.size))
    tilts = dict(zip(GAUGES, (scale * (2 + 3 * wear) + noise[0], 1 - 1.5 * wear + noise[1]), strict=True))
    began = str(np.datetime64(START, "D") + first_day)
    service.play(edge(GATEWAY, write_csv(service.folder / f"day{first_day}.csv", began, EVERY_S, tilts), GAUGES))


async def test_train_configure_run(broker: Server, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    digest = train(folder)
    with running_service(folder, broker.port, SITE, SQLITE) as service:
        play(service, 0, 46)
        await check_estimates(service)
        (incident,) = service.ask("/incidents")
        assert (incident["reason"], incident["tier"], incident["subject"]) == ("life", "alarm", "deck.right")
        assert digest[:12] in life(service)["source"]
        assert digest[:12] in mail(folder)

        play(service, 46, 2, scale=20.0)
        refused = life(service)
        assert refused["refused"] == "outside_model_range"
        assert refused["detail"].startswith("left ")
        assert "trained between" in refused["detail"]
        (incident,) = service.ask("/incidents")
        assert incident["state"] == "open", "a refusal takes no warning back"


def test_a_model_that_is_replaced_counts_from_the_next_start(broker: Server, tmp_path: Path) -> None:
    folder, loaded = tmp_path / "run", two_piers_model()
    folder.mkdir()
    first, second = (
        save_model(folder / name, msgspec.structs.replace(loaded.card, made=day), loaded.model)[:12]
        for name, day in (("bearing.model", "2026-01-01"), ("next.model", "2026-02-01"))
    )
    with running_service(folder, broker.port, SITE, SQLITE) as service:
        play(service, 0, 20)
        (folder / "next.model").replace(folder / "bearing.model")
        play(service, 20, 1)
        assert first in life(service)["source"]
        service.kill("analyse")
        play(service, 21, 1)
        assert second in life(service)["source"]
        assert life(service)["refused"] == "insufficient_history", "another model begins a memory of its own"

        (folder / "bearing.model").write_bytes(b"no model")
        service.kill("analyse")
        wait_until(lambda: service.child.status() is not None, "the end of a service whose model is broken")
        assert service.child.status() == 2
        assert "bearing.model: not a remaining-life model" in service.child.log.read_text(encoding="utf-8")


async def check_estimates(service: Service) -> None:
    rows = await read(service, "life", "deck.right", *QUANTILES, "refused")
    answered = np.array(rows.columns["refused"]) == ""
    assert answered.sum() >= 40
    years = np.array([rows.columns[name] for name in QUANTILES], dtype=float)[:, answered]
    assert (np.diff(years, axis=0) >= 0).all()
    left_days = years * 365.25
    truth = LIFE_DAYS - (rows.t_ns[answered] - np.datetime64(START, "ns").astype(np.int64)) / 86400e9
    inside = (left_days[0] <= truth) & (truth <= left_days[-1])
    assert inside.mean() >= 0.8
    assert not len(await read(service, "life", "deck.left", "refused")), "its life stands at one channel"


def life(service: Service) -> dict[str, Any]:
    answer: dict[str, Any] = service.ask("/channels/deck.right/life")
    return answer


def mail(folder: Path) -> str:
    """All that was mailed, header and body."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted((folder / "mails").glob("*.eml")))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"telltale-life-model 1\n" + b"0" * 64 + b"\nbody", "damaged: its hash does not match"),
    ],
)
def test_a_file_that_is_no_model_is_one_line_that_names_it(tmp_path: Path, content: bytes | None, words: str) -> None:
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    (tmp_path / "cloud.toml").write_text('site = "site.toml"\ndata_dir = "data"\n', encoding="utf-8")
    if content is not None:
        (tmp_path / "bearing.model").write_bytes(content)
    done = telltale("cloud", "check", "-c", "cloud.toml", folder=tmp_path)
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 2
    for word in ("asset 'bearing'", "bearing.model", words, "telltale model train"):
        assert word in line, line
