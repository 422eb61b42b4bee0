"""`/metrics` for Prometheus: read from the databases at each scrape, so a restart of this process hides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cloud_service.completeness.holes import gateway_books
from cloud_service.serve.completeness import of_all_channels
from cloud_service.serve.gateways import gateways_now
from cloud_service.serve.health import Health, read_health
from cloud_service.serve.process_metrics import channel_metrics, process_metrics, skipped_metrics
from cloud_service.serve.service import Service

_GAUGES = {
    "frames_waiting": "Frames in the journal that analysis has not judged yet",
    "spool_rows": "Batches of results that wait for the store",
    "mails_pending": "Mails that wait to be sent",
    "gateways_online": "Gateways whose status says online",
    "gateways_known": "Gateways ever heard",
    "newest_frame_age_s": "Seconds since the newest frame was accepted, on the run's clock",
    "analysis_age_s": "Seconds by which the newest analysed reading lies behind the run's clock",
}
_COUNTERS = {
    "frames_accepted": "Frames accepted into the journal",
    "dead_letters": "Frames that could never be stored",
    "refused_rows": "Rows that the store could never take",
    "mails_sent": "Mails sent",
    "mails_failed": "Mails given up",
}


class ServiceCollector(Collector):
    """Reads the service's figures when asked."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """All metrics; of an unreadable database only `telltale_up` 0."""
        health = read_health(self._service)
        yield GaugeMetricFamily(
            "telltale_up", "1 when both databases are readable", float(health.status != "unreadable")
        )
        if health.status == "unreadable":
            return
        yield from _totals(health)
        yield from _gates(health)
        yield from self._gateways()
        yield from self._completeness()
        yield from process_metrics(self._service.data_dir)
        yield from skipped_metrics(self._service.state)
        yield from channel_metrics(self._service.state, self._service.now_ns())

    def _gateways(self) -> Iterator[Metric]:
        now_ns = self._service.now_ns()
        seen = GaugeMetricFamily("telltale_gateway_seen_age_seconds", "Since the last message", labels=["gateway"])
        backlog = GaugeMetricFamily("telltale_gateway_backlog_frames", "Frames kept at the edge", labels=["gateway"])
        online = GaugeMetricFamily("telltale_gateway_online", "1 when online", labels=["gateway"])
        for gateway in gateways_now(self._service.journal, self._service.site):
            label = [gateway.gateway]
            online.add_metric(label, float(bool(gateway.online)))
            if gateway.seen_ns is not None:
                seen.add_metric(label, max(0.0, (now_ns - gateway.seen_ns) / 1e9))
            if gateway.health is not None:
                backlog.add_metric(label, gateway.health.backlog_frames)
        yield from (seen, backlog, online)

    def _completeness(self) -> Iterator[Metric]:
        frames = GaugeMetricFamily(
            "telltale_gateway_frames", "Frames over all runs, by what became of them", labels=["gateway", "fate"]
        )
        for gateway, books in gateway_books(self._service.journal).items():
            for fate in ("stored", "dropped", "dead_lettered", "missing"):
                frames.add_metric([gateway, fate], getattr(books, fate))
        ratio = GaugeMetricFamily(
            "telltale_channel_complete_ratio", "Readings that are there of those expected, 30 days", labels=["channel"]
        )
        gaps = GaugeMetricFamily("telltale_channel_gaps", "Gaps in 30 days", labels=["channel"])
        for channel, report in of_all_channels(self._service):
            ratio.add_metric([channel], report.complete_percent / 100)
            gaps.add_metric([channel], len(report.gaps))
        yield from (frames, ratio, gaps)


def _gates(health: Health) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("telltale_gate_waiting_frames", "Wait for frames before them", labels=["gateway"])
    missing = GaugeMetricFamily("telltale_gate_missing_frames", "Frames that they wait for", labels=["gateway"])
    passed = CounterMetricFamily("telltale_gate_passed_over", "Missing frames that were given up", labels=["gateway"])
    for gate in health.gates:
        waiting.add_metric([gate.gateway], gate.waiting)
        missing.add_metric([gate.gateway], gate.missing)
        passed.add_metric([gate.gateway], gate.passed_over)
    yield from (waiting, missing, passed)


def _totals(health: Health) -> Iterator[Metric]:
    for name, text in _GAUGES.items():
        value = getattr(health, name)
        if value is not None:
            yield GaugeMetricFamily(
                f"telltale_{name.removesuffix('_s') + '_seconds' if name.endswith('_s') else name}", text, value
            )
    for name, text in _COUNTERS.items():
        yield CounterMetricFamily(f"telltale_{name}", text, getattr(health, name))
    incidents = GaugeMetricFamily("telltale_incidents_open", "Incidents that are not resolved", labels=["tier"])
    for tier, count in health.incidents_open.items():
        incidents.add_metric([tier], count)
    yield incidents
    yield GaugeMetricFamily(
        "telltale_detectors_failing", "Channels times detectors that are not judged now", len(health.detectors_failing)
    )


def render(service: Service) -> bytes:
    """The exposition text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServiceCollector(service))
    return generate_latest(registry)
