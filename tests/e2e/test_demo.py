"""The demo as a user runs it: the whole system, judged by the simulator's truth and the store's rows."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import psutil
import pytest

from sensors_sim.demo.processes import accepts
from sensors_sim.demo.system import TELLTALE
from tests.servers.process import wait_until
from tests.servers.programs import BUILD_DIR, program

pytestmark = pytest.mark.e2e
DEADLINE_S = 900


def play(folder: Path, *arguments: str) -> dict[str, Any]:
    program("mosquitto", "mosquitto")
    command = [*TELLTALE, "demo", "--build-dir", str(BUILD_DIR), "--summary", "s.json", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + logs(folder)
    return json.loads((folder / "s.json").read_text())  # type: ignore[no-any-return]


def logs(folder: Path) -> str:
    return "".join(f"\n--- {path.name}\n{path.read_text()[-3000:]}" for path in folder.glob("demo-run/logs/*.log"))


def books_close(summary: dict[str, Any]) -> None:
    assert summary["frames_produced"] > 0
    assert summary["frames_stored"] == summary["frames_produced"]
    assert (summary["frames_lost"], summary["duplicates_stored"], summary["false_alerts"]) == (0, 0, 0), summary


@pytest.fixture(scope="module")
def riverside(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("riverside")
    return folder, play(folder, "--for", "60")


def test_the_books_close(riverside: tuple[Path, dict[str, Any]]) -> None:
    books_close(riverside[1])


def test_the_damaged_structure_is_found_and_the_healthy_one_stays_quiet(riverside: tuple[Path, dict[str, Any]]) -> None:
    alerts = riverside[1]["alerts"]
    structural = {alert["structure"] for alert in alerts if not alert["reason"].startswith(("sensor_", "silent_"))}
    assert structural == {"dam-gallery", "dam-crest", "powerhouse"}
    assert "footbridge" not in {alert["structure"] for alert in alerts}  # though a sensor of it was replaced
    assert "tunnel-lining" in {alert["structure"] for alert in alerts if alert["reason"].startswith("sensor_")}


def test_what_was_staged_is_found_at_its_place_in_its_time(riverside: tuple[Path, dict[str, Any]]) -> None:
    """A block among its neighbours, blows on a listed building, a bearing that wears: each named, each after its day."""
    folder, summary = riverside
    truth = json.loads((folder / "demo-run" / "truth" / "truth.json").read_text())
    began = {cause["kind"]: cause for cause in (*truth["damages"], *truth["works"])}
    found = {(alert["reason"], alert["channel"]): alert for alert in summary["alerts"]}
    for reason, channel, kind, within_days in (
        ("novelty_group", "dam.crest.block7", "block_movement", 3),
        ("vibration_velocity", "powerhouse.foundation.az", "piling", 1),
        ("life", "powerhouse.pump.bearing", "bearing_wear", 75),
    ):
        at_ns = datetime.fromisoformat(found[reason, channel]["at"]).timestamp() * 1e9
        assert 0 <= (at_ns - began[kind]["start_ns"]) / 86_400e9 <= within_days, reason


def test_the_estimated_life_holds_the_true_one_and_the_act_is_on_record(
    riverside: tuple[Path, dict[str, Any]],
) -> None:
    folder, _ = riverside
    truth = json.loads((folder / "demo-run" / "truth" / "truth.json").read_text())
    (failure_ns,) = (cause["failure_ns"] for cause in truth["damages"] if cause["kind"] == "bearing_wear")
    with closing(sqlite3.connect(folder / "demo-run" / "cloud-data" / "state.db")) as state:
        (body,) = state.execute("SELECT body FROM life_now WHERE channel = 'powerhouse.pump.bearing'").fetchone()
        acts = state.execute("SELECT channel, act, effective_ns, who, why FROM baseline_events").fetchall()
    life = json.loads(body)
    assert life["p5_ns"] <= failure_ns <= life["p95_ns"]
    (told,) = truth["acts"]
    assert acts == [(told["channel"], told["kind"], told["start_ns"], told["who"], told["why"])]


def test_the_mail_can_be_acted_on(riverside: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = riverside
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default) for path in folder.glob("demo-run/mails/*.eml")
    ]
    assert len(mails) == summary["mails"] > 0
    gallery = [mail for mail in mails if "gallery" in str(mail["Subject"]).lower()]
    assert gallery
    mail = gallery[-1]
    kinds = [part.get_content_type() for part in mail.walk()]
    assert {"text/plain", "text/html", "image/png"} <= set(kinds)
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for words in ("EN 1992-1-1", "http://127.0.0.1", "mm", "90 % interval", "WHAT TO DO, BY"):
        assert words in text.replace("\u00a0", " "), text


def test_without_the_damage_there_is_no_mail(tmp_path: Path) -> None:
    summary = play(tmp_path, "--for", "60", "--scenario", "healthy")
    books_close(summary)
    assert (summary["alerts"], summary["mails"]) == ([], 0)


def test_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    program("mosquitto", "mosquitto")
    command = [*TELLTALE, "demo", "--build-dir", str(BUILD_DIR), "--days", "30"]
    with (tmp_path / "out.txt").open("wb") as out:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_until(lambda: "page:" in (tmp_path / "out.txt").read_text(), "the demo's page")
        port = int((tmp_path / "out.txt").read_text().partition("127.0.0.1:")[2].partition("/")[0])
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 8  # broker, mail sink, agent, supervisor and its five
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=90) == 0
        assert not accepts(port)
        assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
