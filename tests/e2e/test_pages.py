"""The pages over a real run, in a real browser: charts are drawn, nothing is refused or thrown, the API says what its
document says.
"""

from __future__ import annotations

import tomllib
import urllib.request
from collections.abc import Iterator
from importlib import resources
from typing import Any

import jsonschema
import pytest

from tests.e2e.service import Service, running_service
from tests.servers.browser import Browser, browser
from tests.servers.mosquitto import mosquitto
from tests.servers.process import running

pytestmark = pytest.mark.e2e
DAYS = 30
CRACK, VIBRATION = "dam.gallery.crack_a", "footbridge.midspan.az"
PHONE, DESKTOP = 390, 1280


def edge_toml() -> str:
    """The sample gateway, on a month at full speed."""
    lines = (resources.files("sensors_sim") / "site" / "edge.toml").read_text(encoding="utf-8").splitlines()
    changed = {"port": "MQTT_PORT", "days": DAYS, "speed": 0.0}
    text = "\n".join(
        f"{key} = {changed[key]}" if (key := line.partition(" ")[0]) in changed else line for line in lines
    )
    assert tomllib.loads(text.replace("MQTT_PORT", "1883"))["source"][0]["settings"]["days"] == DAYS
    return text


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("pages")
    site = (resources.files("sensors_sim") / "site" / "site.toml").read_text(encoding="utf-8")
    store = '[store]\nkind = "sqlite"\n'
    with (
        running(mosquitto(folder / "mosquitto")) as broker,
        running_service(folder / "run", broker.port, site, store, 'mail_dir = "mails"\n') as made,
    ):
        made.play(edge_toml())
        yield made


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


def show(opened: Browser, service: Service, path: str, *, width: int = DESKTOP, dark: bool = False) -> str:
    """What a person reads on the page, once its charts have been drawn; the console has stayed silent."""
    opened.problems.clear()
    opened.open(service.page + path, width=width, dark=dark)
    opened.wait_for(
        "[...document.querySelectorAll('[data-chart]')].every(chart => !chart.innerText.includes('Loading'))"
    )
    assert opened.problems == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than its window"
    return str(opened.evaluate("document.body.innerText"))


def drawn(opened: Browser) -> dict[str, int]:
    """Title of each chart → points that its curves consist of in the drawing."""
    script = """Object.fromEntries([...document.querySelectorAll('.chart-card')].map(card => [
        card.querySelector('h3').firstChild.textContent.trim(),
        [...card.querySelectorAll('path.js-line')].reduce((sum, path) => sum + (path.getAttribute('d') || '').length, 0)]))"""
    return dict(opened.evaluate(script))


def ask(service: Service, path: str) -> Any:
    return service.ask(path)


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_overview_shows_every_structure_worst_first(width: int, opened: Browser, service: Service) -> None:
    text = show(opened, service, "/", width=width)
    assert all(structure["name"] in text for structure in ask(service, "/structures"))
    order = opened.evaluate("[...document.querySelectorAll('.grid')].map(g => [...g.children].map(c => c.className))")
    ranks = [["alarm", "warn", "suspect", "clear", "none"].index(name.split()[-1]) for grid in order for name in grid]
    assert ranks[:2] == sorted(ranks[:2])  # the first facility has two


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESKTOP, False)])
def test_a_crack_is_drawn_with_its_checks(width: int, dark: bool, opened: Browser, service: Service) -> None:
    text = show(opened, service, f"/channels/{CRACK}", width=width, dark=dark)
    charts = drawn(opened)
    assert charts.keys() == {"Crack width", "Without temperature"}
    assert min(charts.values()) > 100, charts
    assert "checks are clear" in text
    assert "at its last report" in text
    assert not opened.evaluate("document.querySelector('details').open")


def test_a_crack_with_a_trend_says_it(opened: Browser, service: Service) -> None:
    trend = next(item for item in ask(service, f"/channels/{CRACK}")["findings"] if item["reason"] == "crack_trend")
    text = show(opened, service, f"/channels/{CRACK}")
    rate = float(f"{trend['evidence']['trend_per_year']:.3g}")
    assert f"Trend {rate:g} mm/year (90" in text.replace("\u00a0", " ")
    assert "% interval" in text


def test_vibration_is_drawn_with_its_frequencies_over_temperature(opened: Browser, service: Service) -> None:
    show(opened, service, f"/channels/{VIBRATION}")
    charts = drawn(opened)
    assert set(charts) == {
        "Tracked frequencies", "Damping", "Frequencies with their error", "Acceleration: rms and peak",
        "Difference from normal", "Newest window", "Its spectrum",
    }  # fmt: skip
    assert min(charts.values()) > 100, charts
    titles = opened.evaluate(
        "[...document.querySelectorAll('.tall text[class$=title]')].map(title => title.textContent)"
    )
    assert set(titles) >= {"mode 1Hz", "mode 2Hz", "mode 3Hz", "temperature°C"}


@pytest.mark.parametrize(
    ("channel", "titles"),
    [
        ("dam.crest.block7", {"Group blocks: each against the others", "Group blocks: difference from normal"}),
        ("powerhouse.foundation.az", {"Velocity against the guide value", "Vibration velocity"}),
        ("penstock.bend.strain", {"Fatigue damage", "Stress ranges"}),
    ],
)
@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESKTOP, False)])
def test_groups_velocity_and_fatigue_are_drawn(
    *, channel: str, titles: set[str], width: int, dark: bool, opened: Browser, service: Service
) -> None:
    show(opened, service, f"/channels/{channel}", width=width, dark=dark)
    charts = drawn(opened)
    assert titles <= charts.keys()
    assert min(charts[title] for title in titles) > 100, charts


def test_what_somebody_unfolded_stays_so_when_the_page_renews_itself(opened: Browser, service: Service) -> None:
    show(opened, service, f"/channels/{CRACK}")
    opened.evaluate("document.querySelector('details').open = true")
    opened.evaluate("new Promise(done => document.addEventListener('telltale:refreshed', () => done(1), {once: true}))")
    assert opened.evaluate("document.querySelector('details').open")


@pytest.mark.parametrize(
    "path",
    [
        "/gateways",
        "/incidents",
        "/mails",
        "/structures/dam-gallery",
        "/structures/dam-crest",
        "/channels/powerhouse.pump.bearing/model",
        "/api/v1/",
    ],
)
def test_the_other_pages_open_on_a_phone(path: str, opened: Browser, service: Service) -> None:
    assert show(opened, service, path, width=PHONE)


def test_incidents_and_mails_open(opened: Browser, service: Service) -> None:
    for incident in ask(service, "/incidents")[:3]:
        assert incident["id"] in show(opened, service, f"/incidents/{incident['id']}")
    for mail in ask(service, "/mails")[:2]:
        assert mail["message_id"] in show(opened, service, f"/mails/{mail['id']}")


def test_every_answer_is_what_the_document_says(service: Service) -> None:
    document = ask(service, "/openapi.json")
    channels = [channel["id"] for channel in ask(service, "/channels")]
    incidents = [incident["id"] for incident in ask(service, "/incidents")]
    paths = {
        "/structures/{structure}": "dam-gallery",
        "/channels/{channel}": CRACK,
        "/channels/{channel}/series": CRACK,
    }
    paths |= {
        "/channels/{channel}/waveform": VIBRATION,
        "/channels/{channel}/life": CRACK,
        "/channels/{channel}/acts": CRACK,
    }
    paths |= {"/incidents/{incident}": incidents[0]} if incidents else {}
    assert {CRACK, VIBRATION} <= set(channels)
    for template, methods in document["paths"].items():
        short = template.removeprefix("/api/v1")
        if "get" not in methods or ("{" in short and short not in paths):
            continue
        path = short.replace(short[short.find("{") : short.find("}") + 1], paths[short]) if "{" in short else short
        schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(ask(service, path), {**schema, "components": document["components"]})


def test_the_other_processes_counters_are_metrics(service: Service) -> None:
    with urllib.request.urlopen(f"{service.page}/metrics", timeout=30) as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
    for name in ("ingest_frames_stored", "analyse_samples", "store_rows_stored"):
        assert float(lines[f"telltale_{name}_total"]) > 0
    assert float(lines["telltale_up"]) == 1
    assert f'telltale_channel_age_seconds{{channel="{CRACK}"}}' in lines
