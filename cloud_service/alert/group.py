"""Group: which reasons are one matter to the people who are told. A table."""

from __future__ import annotations

from telltale.findings import Reason

GROUP_OF: dict[Reason, str] = {
    Reason.LIMIT: "limit",
    Reason.NOVELTY: "novelty",
    Reason.NOVELTY_PROVISIONAL: "novelty",
    Reason.CRACK_TREND: "crack_trend",
    Reason.LIFE: "life",
    Reason.SENSOR_STUCK: "sensor",
    Reason.SENSOR_SPIKES: "sensor",
    Reason.SENSOR_DROPOUTS: "sensor",
    Reason.SENSOR_CLIPPED: "sensor",
    Reason.SENSOR_RANGE: "sensor",
    Reason.SENSOR_DRIFT: "sensor",
    Reason.SENSOR_DERIVED: "sensor",
    Reason.SILENT_CHANNEL: "silence",
    Reason.SILENT_GATEWAY: "gateway",
}
