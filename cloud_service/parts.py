"""The parts of the service, each as one coroutine that runs until it is told to stop. Imports happen inside."""

# ruff: noqa: PLC0415 - each process imports what its part needs and nothing else: start-up time, memory
from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial

from cloud_service.heartbeat import Beat
from cloud_service.settings import CloudSettings
from telltale.clock import open_clock

Part = Callable[[CloudSettings, asyncio.Event, Beat], Awaitable[None]]
"""Settings, stop, and what it calls while its work goes on."""


async def ingest(cloud: CloudSettings, stop: asyncio.Event, beat: Beat) -> None:
    """MQTT → journal."""
    from cloud_service.ingest.run import run
    from cloud_service.ingest.settings import IngestConfig

    await run(
        IngestConfig(
            settings=cloud.ingest(),
            broker=cloud.file.broker,
            data_dir=cloud.data_dir,
            site=cloud.site,
            clock=open_clock(cloud.file.clock),
            stop=stop,
            beat=beat,
        )
    )


async def analyse(cloud: CloudSettings, stop: asyncio.Event, beat: Beat) -> None:
    """Journal → detectors → alerts → state, spool and outbox. Works in a thread: it computes and blocks."""
    from cloud_service.analyse.again import run_again
    from cloud_service.analyse.detectors import DETECTORS
    from cloud_service.analyse.run import run
    from cloud_service.bell import Bell, Ear

    stopped = threading.Event()
    ear, store = Ear(cloud.data_dir, "journal"), Bell(cloud.data_dir, "spool")
    own = Bell(cloud.data_dir, "journal")

    def wait(delay_s: float) -> bool:
        beat()  # between two batches, in the thread that works
        store.ring()
        return stopped.wait(delay_s)

    def idle(delay_s: float) -> bool:
        beat()
        ear.wait(delay_s)
        return stopped.is_set()

    work = asyncio.create_task(
        asyncio.to_thread(
            run_again,
            partial(
                run,
                site=cloud.site,
                data_dir=cloud.data_dir,
                settings=cloud.analyse(),
                alert=cloud.alert(),
                detectors=DETECTORS,
                life_models=cloud.life_models(),
                clock=open_clock(cloud.file.clock),
                mode=cloud.file.clock,
                wait=wait,
                idle=idle,
            ),
            wait,
        )
    )
    told = asyncio.create_task(stop.wait())
    with ear:
        await asyncio.wait((work, told), return_when=asyncio.FIRST_COMPLETED)
        stopped.set()
        own.ring()
        told.cancel()
        await work


async def store(cloud: CloudSettings, stop: asyncio.Event, beat: Beat) -> None:
    """Spool → store."""
    from cloud_service.store.run import StoreConfig, run

    clock = open_clock(cloud.file.clock)
    await run(StoreConfig(cloud.store(), cloud.data_dir, cloud.site, clock, stop, beat=beat))


async def notify(cloud: CloudSettings, stop: asyncio.Event, beat: Beat) -> None:
    """Outbox → mails."""
    from cloud_service.notify.run import run

    settings = cloud.store()
    await run(
        cloud.notify(),
        site=cloud.site,
        data_dir=cloud.data_dir,
        open_store=lambda: settings.open(cloud.site, cloud.data_dir),
        clock=open_clock(cloud.file.clock),
        stop=stop,
        base=cloud.base,
        where=cloud.where,
        beat=beat,
    )


async def serve(cloud: CloudSettings, stop: asyncio.Event, beat: Beat) -> None:
    """Pages and API."""
    from cloud_service.serve.run import run

    settings = cloud.store()
    await run(
        cloud.serve(),
        site=cloud.site,
        data_dir=cloud.data_dir,
        open_store=lambda: settings.open(cloud.site, cloud.data_dir),
        clock=open_clock(cloud.file.clock),
        stop=stop,
        base=cloud.base,
        where=cloud.where,
        beat=beat,
        life_models=cloud.life_models(),
    )


# In the order of the data.
PARTS: dict[str, Part] = {"ingest": ingest, "analyse": analyse, "store": store, "notify": notify, "serve": serve}
