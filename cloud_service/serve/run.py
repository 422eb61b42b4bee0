"""The serve process: pages and API on one loopback address until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from cloud_service.analyse.life_models import LifeModels
from cloud_service.heartbeat import Beat, beat_with_loop, no_beat
from cloud_service.journal.writer import open_journal
from cloud_service.serve.app import create_app
from cloud_service.serve.mail_folder import MailFolder
from cloud_service.serve.service import Service
from cloud_service.serve.settings import ServeSettings, check
from cloud_service.state import open_state
from cloud_service.store_reader import OpenStore, StoreReader
from telltale.clock import Clock
from telltale.errors import UserError
from telltale.site import Site

CLOSE_WITHIN_S = 3


async def run(
    settings: ServeSettings,
    *,
    site: Site,
    data_dir: Path,
    open_store: OpenStore,
    clock: Clock,
    stop: asyncio.Event,
    base: Path,
    where: str = "cloud.toml",
    beat: Beat = no_beat,
    life_models: LifeModels | None = None,
) -> None:
    """Serve until `stop` is set.

    Args:
        settings: `[serve]`.
        site: what is shown.
        data_dir: the folder of `state.db` and `journal.db`.
        open_store: opens the store; while it fails, pages say so and show what they have.
        clock: the run's clock.
        stop: ends the server.
        base: the folder that relative paths in the settings start from.
        where: the settings file, for errors.
        beat: called while the event loop turns.
        life_models: those that the site names, for their cards.

    Raises:
        SettingsError: a host beyond loopback; names serve.host.
        UserError: the port is in use; names it.
        FatalError: a database cannot be used.
    """
    check(settings, where)
    listener = listen(settings, where)
    service = Service(
        settings=settings,
        site=site,
        data_dir=data_dir,
        state=open_state(data_dir),
        journal=open_journal(data_dir),
        store=StoreReader(open_store),
        mails=MailFolder(base / settings.mail_dir) if settings.mail_dir else None,
        clock=clock,
        life_models=life_models or {},
    )
    beating = asyncio.create_task(beat_with_loop(stop, beat))  # every page and answer is made in this loop
    try:
        await _serve(service, listener, stop)
    finally:
        beating.cancel()
        listener.close()
        await service.store.close()
        service.state.close()
        service.journal.close()


def listen(settings: ServeSettings, where: str) -> socket.socket:
    """The listening socket.

    Raises:
        UserError: the port cannot be used; names it.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        problem = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise UserError(
            f"{where}: serve.port: {settings.port} on {settings.host} {problem}",
            "stop the other program or choose another port",
        ) from None
    return listener


class _Server(uvicorn.Server):
    """Leaves signals to the process that runs us: `stop` is the one way to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _serve(service: Service, listener: socket.socket, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=CLOSE_WITHIN_S,
        limit_concurrency=200,
        h11_max_incomplete_event_size=32_768,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving
