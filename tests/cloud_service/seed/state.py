"""Rows of `state.db` and `journal.db` for the sample site."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from cloud_service.completeness.ledger import Gap, Ledger
from cloud_service.completeness.report import OWNER
from cloud_service.journal.entries import FrameEntry, RejectedEntry
from cloud_service.journal.writer import JournalWriter, open_journal
from cloud_service.state import open_state
from telltale.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, NS_PER_YEAR
from telltale.errors import RejectReason
from telltale.findings import Finding, Life, Reason, Refusal, Tier
from telltale.health import Health, InputHealth
from telltale.readings import DropRecord
from tests.cloud_service.seed.results import NOW_NS

MINUTE_NS = 60 * NS_PER_S

CRACK = Finding(
    channel="gallery.crack-7",
    t_ns=NOW_NS - NS_PER_HOUR,
    reason=Reason.CRACK_TREND,
    tier=Tier.ALARM,
    score=1.6,
    value=0.77,
    limit=0.3,
    unit="mm/year",
    limit_source="self-set: growth that halves the life",
    evidence={"trend_per_year": 0.77, "interval": "0.70 to 0.84 mm/year", "temperature_effect_per_c": -0.004},
)
NOVELTY = Finding(
    channel="footbridge.midspan.az",
    t_ns=NOW_NS - NS_PER_HOUR,
    reason=Reason.NOVELTY,
    tier=Tier.WARN,
    score=1.7,
    value=1.7,
    limit=1.0,
    limit_source="1 false alarm a sensor-year (Gumbel on weekly maxima)",
    evidence={"feature": "mode1_hz", "sign": -1.0, "scale_h": 48.0},
)
DEAD = Finding(
    channel="gallery.air",
    t_ns=NOW_NS - NS_PER_HOUR,
    reason=Reason.SENSOR_RANGE,
    tier=Tier.SUSPECT,
    score=2.0,
    value=-80.0,
    limit=-40.0,
    unit="°C",
    limit_source="plausible range of the sensor",
)
SILENT = Finding(
    channel="gw-dam",
    t_ns=NOW_NS,
    reason=Reason.SILENT_GATEWAY,
    tier=Tier.SUSPECT,
    score=4.0,
    value=7200.0,
    limit=1800.0,
    unit="s",
    limit_source="3 × the expected interval",
)
CRACK_LIFE = Life(
    channel="gallery.crack-7",
    t_ns=NOW_NS,
    p5_ns=NOW_NS + int(0.3 * NS_PER_YEAR),
    p10_ns=NOW_NS + int(0.4 * NS_PER_YEAR),
    p50_ns=NOW_NS + int(0.7 * NS_PER_YEAR),
    p90_ns=NOW_NS + int(1.6 * NS_PER_YEAR),
    p95_ns=NOW_NS + int(2.1 * NS_PER_YEAR),
    detail="trend with first passage, 90 days",
    assumptions=("growth stays as in the last 45 days", "the limit of 1 mm is the one that counts"),
    source="first passage of a drifting random walk",
)
STRAIN_LIFE = Life(
    channel="footbridge.girder.strain",
    t_ns=NOW_NS,
    refused=Refusal.INSUFFICIENT_HISTORY,
    detail="90 days of 365 needed.",
    source="EN 1993-1-9:2005 section 8",
)
INCIDENTS = {"inc-crack": CRACK, "inc-novelty": NOVELTY, "inc-dead": DEAD, "inc-silent": SILENT}
PLACES = {
    "inc-crack": ("upper-dam", "gallery"),
    "inc-novelty": ("riverside", "footbridge"),
    "inc-dead": ("upper-dam", "gallery"),
    "inc-silent": ("upper-dam", ""),
}


def add_incident(
    state: sqlite3.Connection, name: str, finding: Finding, *, late_ns: int = 0, status: str = "open"
) -> None:
    facility, structure = PLACES.get(name, ("upper-dam", "gallery"))
    opened_ns = finding.t_ns - late_ns
    state.execute(
        "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]')",
        (
            name,
            facility,
            structure,
            finding.channel,
            finding.reason.value,
            finding.tier.value,
            status,
            opened_ns,
            opened_ns - NS_PER_DAY,
            finding.t_ns,
            finding.t_ns,
            finding.t_ns if status == "resolved" else None,
            msgspec.json.encode(finding),
            msgspec.json.encode([finding.channel]),
        ),
    )
    state.execute(
        "INSERT INTO incident_log (incident, at_ns, who, what) VALUES (?, ?, 'system', 'opened')", (name, finding.t_ns)
    )


def add_mail(
    state: sqlite3.Connection, incident: str, tier: str = "alarm", spool_id: int = 0, to: str = "ada@example.org"
) -> int:
    cursor = state.execute(
        "INSERT INTO outbox (incident, tier, message_id, created_ns, spool_id, recipients) VALUES (?, ?, ?, ?, ?, ?)",
        (
            incident,
            tier,
            f"<{incident}.{tier}@telltale>",
            NOW_NS,
            spool_id,
            msgspec.json.encode([{"name": "Ada Manager", "email": to}]),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def seed_state(data_dir: Path) -> None:
    state = open_state(data_dir, durable=False)
    state.execute("INSERT INTO meta VALUES ('now_ns', ?), ('offset', 3)", (NOW_NS,))
    for name, finding in INCIDENTS.items():
        add_incident(state, name, finding, status="resolved" if name == "inc-dead" else "open")
    for life in (CRACK_LIFE, STRAIN_LIFE):
        state.execute("INSERT INTO life_now VALUES (?, ?)", (life.channel, msgspec.json.encode(life)))
    for finding, value in ((CRACK, 0.52), (NOVELTY, 0.05), (DEAD, None)):
        state.execute(
            "INSERT INTO channel_now VALUES (?, ?, ?, ?)",
            (finding.channel, finding.t_ns, value, msgspec.json.encode({finding.reason: finding})),
        )
    _seed_ledgers(state)
    state.close()
    _seed_journal(data_dir)
    _seed_frames(data_dir)


def _seed_ledgers(state: sqlite3.Connection) -> None:
    """Sixty days of the footbridge with two gaps, and of the crack gauge until the gateway fell silent."""
    for channel, gaps, quiet_ns in (
        ("footbridge.midspan.az", ((9 * NS_PER_DAY, 14), (2 * NS_PER_DAY, 3)), NS_PER_HOUR),
        ("gallery.crack-7", (), 2 * NS_PER_HOUR),
    ):
        ledger = Ledger(since_ns=NOW_NS - 60 * NS_PER_DAY, last_ns=NOW_NS - quiet_ns)
        for ago_ns, missing in gaps:
            start_ns = NOW_NS - ago_ns
            ledger.gaps.append(Gap(start_ns, start_ns + (missing + 1) * NS_PER_HOUR, missing))
        state.execute("INSERT INTO detector_state VALUES (?, ?, ?)", (channel, OWNER, msgspec.msgpack.encode(ledger)))


def _seed_frames(data_dir: Path) -> None:
    """A frame an hour of gw-riverside: a hole that it dropped, one that is still to come, a dead letter, a stray."""
    writer = JournalWriter(open_journal(data_dir, durable=False))
    run, entries = bytes(range(16)), []
    for number in range(1, 301):
        at_ns = NOW_NS - (300 - number) * NS_PER_HOUR
        if 84 <= number <= 97 or 252 <= number <= 254:
            continue
        if number == 200:
            entries.append(RejectedEntry("gw-riverside", run, number, at_ns, b"bad", RejectReason.BAD_BODY, "not zstd"))
            continue
        drops = (DropRecord(84, 97, "outbox full"),) if number == 98 else ()
        strays = (("footbridge.pier.ax", "unknown_channel"),) if number > 280 else ()
        entries.append(
            FrameEntry("gw-riverside", run, number, at_ns, b"frame", drops, acquired_ns=at_ns, strays=strays)
        )
    writer.commit(entries)
    writer.close()
    journal = open_journal(data_dir, durable=False)
    journal.execute("UPDATE gateways SET seen_ns = ? WHERE gateway = 'gw-riverside'", (NOW_NS - 3 * MINUTE_NS,))
    journal.close()


def _seed_journal(data_dir: Path) -> None:
    journal = open_journal(data_dir, durable=False)
    health = Health(
        at_ns=NOW_NS,
        version="0.1.0",
        backlog_frames=12,
        backlog_bytes=48_000,
        produced=5_000,
        acknowledged=4_988,
        disk_free_bytes=12_000_000_000,
        rss_bytes=45_000_000,
        clock_quality=2,
        inputs=(InputHealth(channel="footbridge.midspan.az", alive=True, last_ns=NOW_NS, last_value=0.01, samples=9),),
    )
    journal.execute(
        "INSERT INTO gateways VALUES ('gw-riverside', 1, ?, ?, ?)",
        (NOW_NS - NS_PER_DAY, NOW_NS - 3 * MINUTE_NS, msgspec.json.encode(health)),
    )
    journal.execute(
        "INSERT INTO gateways VALUES ('gw-dam', 0, ?, ?, ?)", (NOW_NS - 2 * NS_PER_HOUR, NOW_NS - 2 * NS_PER_HOUR, b"")
    )
    journal.close()
