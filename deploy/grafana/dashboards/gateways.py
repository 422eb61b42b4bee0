"""Gateway health: online, backlog, memory, disk, and where frames go."""

# ruff: noqa: S608 - parts of queries are constants of this folder, and `check` holds them to the allow-list

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.timeseries import Panel

from . import variables
from .influxql import IN_GATEWAY, InfluxQL, newest
from .links import frame
from .panels import COMPLETE, AnyPanel, Steps, bars, history, rows, strip

_NAMED = "$tag_gateway"
MB = 1e6

# Memory of the agent with 8 tri-axial sensors at 1 kHz: target 45 MB, floor 64 MB (the project's own figures).
RSS = Steps(((45 * MB, "orange"), (64 * MB, "red")))
DISK = Steps(((200 * MB, "orange"), (1000 * MB, "green")), base="red")
ONLINE = Steps(((1.0, "green"),), base="red")


def build() -> Dashboard:
    """The dashboard `telltale-gateways`."""
    return (
        frame("Telltale: gateway health", "telltale-gateways", "now-24h")
        .with_variable(variables.gateway())
        .with_row(Row("Now"))
        .with_panel(_now())
        .with_panel(_online())
        .with_row(Row("Backlog and flow of frames"))
        .with_panel(_backlog_frames())
        .with_panel(_backlog_bytes())
        .with_panel(_flow())
        .with_panel(_losses())
        .with_row(Row("Completeness, by sequence"))
        .with_panel(_books())
        .with_panel(_missing())
        .with_row(Row("The gateway itself"))
        .with_panel(_memory())
        .with_panel(_disk())
        .with_panel(_reports())
    )


def _over_time(expression: str, alias: str = _NAMED, *, fill: str = "none") -> InfluxQL:
    return InfluxQL(
        f'SELECT {expression} FROM "gateway" WHERE {IN_GATEWAY} GROUP BY time($__interval), "gateway" fill({fill})',
        alias,
    )


def _now() -> AnyPanel:
    return rows(
        "Newest report of each gateway",
        "Time is when the gateway last reported. Counts are frames of the agent's present run. Backlog: committed on "
        "the gateway and not yet store-acked by the service.",
        newest(
            "gateway",
            '"online" AS "Online", "backlog_frames" AS "Backlog", "backlog_bytes" / 1000000 AS "Backlog, MB", '
            '"produced" AS "Produced", "acknowledged" AS "Stored", "rejected" AS "Rejected", "dropped" AS "Dropped", '
            '"rss_bytes" / 1000000 AS "Memory, MB", "disk_free_bytes" / 1000000 AS "Disk free, MB"',
            IN_GATEWAY,
            '"gateway"',
        ),
        colours={"Online": ONLINE, "Memory, MB": _per_mb(RSS), "Disk free, MB": _per_mb(DISK)},
        h=7,
    )


def _per_mb(steps: Steps) -> Steps:
    return Steps(tuple((value / MB, colour) for value, colour in steps.steps), steps.base)


def _online() -> AnyPanel:
    return strip(
        "Online",
        "From the retained status and its last will. Red: the broker lost the gateway. White: nothing was reported.",
        _over_time('min("online")', fill="null"),
        steps=ONLINE,
        names={"0": "offline", "1": "online"},
        h=5,
    )


def _backlog_frames() -> Panel:
    return history(
        "Backlog, frames",
        "Rises while the broker or the service is away and drains afterwards. One that only rises fills the outbox, "
        "and then waveforms thin first.",
        _over_time('max("backlog_frames")'),
        unit="short",
    ).min(0)


def _backlog_bytes() -> Panel:
    return history(
        "Backlog, bytes",
        "On the gateway's disk.",
        _over_time('max("backlog_bytes")'),
        unit="bytes",
    ).min(0)


def _flow() -> Panel:
    return history(
        "Frames produced and stored a second",
        "Stored: store-acked by the service after its commit. The two lines should lie on each other; stored lies "
        "above while a backlog drains. A restart of the agent starts the counts anew and is left out.",
        _over_time('non_negative_derivative(max("produced"), 1s)', "$tag_gateway produced"),
        _over_time('non_negative_derivative(max("acknowledged"), 1s)', "$tag_gateway stored"),
        unit="suffix: frames/s",
        w=14,
    ).min(0)


def _losses() -> Panel:
    return bars(
        "Frames rejected and dropped an interval",
        "Rejected: the service can never store them (its dead letters hold the reason). Dropped: thinned by policy "
        "because the outbox was full. Both should be 0, and both are counted exactly.",
        _over_time('non_negative_difference(max("rejected"))', "$tag_gateway rejected"),
        _over_time('non_negative_difference(max("dropped"))', "$tag_gateway dropped"),
        unit="short",
        w=10,
        h=8,
    )


def _books() -> AnyPanel:
    return rows(
        "Books of each gateway",
        "Frames over all its runs: produced = stored + dropped at the edge + dead-lettered + not yet received. Late "
        "frames close holes; a restore of the service shows here what gateways had deleted since the backup.",
        newest(
            "books",
            '"complete_percent" AS "Complete, %", "stored" AS "Stored", "dropped" AS "Dropped", '
            '"dead_lettered" AS "Dead-lettered", "missing" AS "Not yet received"',
            IN_GATEWAY,
            '"gateway"',
        ),
        colours={"Complete, %": COMPLETE},
        w=12,
    )


def _missing() -> Panel:
    return history(
        "Frames not yet received",
        "Holes between the sequences that came. Rises while a backlog is behind fresh frames, and falls to 0 with it.",
        InfluxQL(
            f'SELECT max("missing") FROM "books" WHERE {IN_GATEWAY} GROUP BY time($__interval), "gateway" fill(none)',
            _NAMED,
        ),
        unit="short",
    ).min(0)


def _memory() -> Panel:
    return history(
        "Memory of the agent (RSS)",
        "Target 45 MB, limit 64 MB with 8 tri-axial sensors at 1 kHz. A steady rise over days is a leak.",
        _over_time('max("rss_bytes")'),
        unit="decbytes",
        w=8,
        line=RSS,
    ).min(0)


def _disk() -> Panel:
    return history(
        "Free disk of the gateway",
        "The outbox needs room for the longest outage that is to be survived.",
        _over_time('min("disk_free_bytes")'),
        unit="decbytes",
        w=8,
        line=DISK,
    ).min(0)


def _reports() -> Panel:
    return bars(
        "Reports stored an interval",
        "Health messages that reached the store; gaps are outages of the link, the broker or the service.",
        _over_time('count("online")', fill="0"),
        unit="short",
        w=8,
        h=8,
    )
