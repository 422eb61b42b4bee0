"""The ingest process alone: `ingest_main.py HOST PORT DATA_DIR GATEWAY`; ends on SIGTERM."""

import asyncio
import random
import signal
import sys
from pathlib import Path

from cloud_service.ingest.run import run
from cloud_service.ingest.settings import IngestConfig, IngestSettings
from telltale.broker import BrokerSettings
from telltale.clock import DataClock
from tests.contract.site import small_site


async def main(host: str, port: str, data_dir: str, gateway: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run(
        IngestConfig(
            IngestSettings(),
            BrokerSettings(host=host, port=int(port)),
            Path(data_dir),
            small_site(gateway),
            DataClock(),
            stop,
            random.Random(1),
        )
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
