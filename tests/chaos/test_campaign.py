"""The campaign itself: the product passes it, and three products with one promise broken do not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.e2e

TARGETED = "kill ingest, one-way agent-broker, broker loses its queue"


def campaign(folder: Path, *words: str, deadline_s: float) -> tuple[int, dict, str]:
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--dir", str(folder / "chaos"), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=deadline_s,
        check=False,
    )
    said = done.stdout[-6000:] + done.stderr[-2000:]
    path = folder / "chaos" / "report.json"
    assert path.exists(), said
    return done.returncode, json.loads(path.read_text()), said


def targeted(folder: Path, kinds: str, count: int, *words: str) -> tuple[int, dict, str]:
    use = ("--faults", str(count), "--seed", "5", "--kinds", kinds, "--books-only", "--load-sensors", "2")
    return campaign(folder, *use, *words, deadline_s=600)


def test_thirty_faults_of_all_kinds(tmp_path):
    status, report, said = campaign(tmp_path, "--faults", "30", "--seed", "1", deadline_s=1_800)
    assert status == 0, said
    assert report["holds"]
    assert len(report["course"]) == 30
    assert report["books"]["lost"] == 0
    assert report["books"]["produced"] > 0
    assert report["load"]["samples_per_s"] > 0


def test_the_targeted_faults_alone_do_not_fail_it(tmp_path):
    status, report, said = targeted(tmp_path, TARGETED, 3)
    assert status == 0, said
    assert report["complaints"] == {}
    assert {fault["kind"] for fault in report["course"]} == set(TARGETED.split(", "))


@pytest.mark.parametrize(
    ("mutant", "kinds", "complaint"),
    [
        ("ack_before_commit", "kill ingest", "lost"),
        ("no_dedupe", "one-way agent-broker", "duplicated"),
        ("delete_on_puback", "broker loses its queue", "lost"),
    ],
)
def test_a_mutant_fails_it(tmp_path, mutant, kinds, complaint):
    status, report, said = targeted(tmp_path, kinds, 2, "--mutant", mutant)
    assert status == 1, said
    assert report["complaints"].get(complaint, 0) > 0, said
    example = report["examples"][complaint][0]
    assert "gw-" in example or "load." in example, example
