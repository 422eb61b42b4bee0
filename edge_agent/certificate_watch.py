"""Says early that the gateway's certificate ends, and plainly that the broker will not take it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge_agent.reports import Reports
from telltale.broker import BrokerSettings
from telltale.certificate import read_certificate
from telltale.clock import Clock, SystemClock

EVERY_S = 60.0


async def watch_certificate(broker: BrokerSettings, gateway: str, reports: Reports, clock: Clock | None = None) -> None:
    """Look at the certificate that this run connects with, for ever; recording goes on whatever it says.

    Args:
        broker: where the certificate is.
        gateway: whose it should be.
        reports: where trouble goes.
        clock: None: the machine's, for that is what TLS goes by, whatever clock the run has.
    """
    clock = clock or SystemClock()
    certificate = read_certificate(Path(broker.cert_file), "broker.cert_file") if broker.cert_file else None
    while certificate is not None:
        now_ns = clock.now_ns()
        trouble = certificate.problem(gateway, now_ns) or certificate.warning(now_ns)
        if trouble:
            reports.problem(
                "certificate", f"{certificate.path.name} {trouble}: telltale edge enrol makes a new request"
            )
        else:
            reports.solved("certificate", "good")
        await asyncio.sleep(EVERY_S)
    await asyncio.Event().wait()
