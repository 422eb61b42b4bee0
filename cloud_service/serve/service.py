"""What every page and endpoint needs at hand."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from cloud_service.analyse.life_models import LifeModels
from cloud_service.run_time import run_now_ns
from cloud_service.serve.mail_folder import MailFolder
from cloud_service.serve.settings import ServeSettings
from cloud_service.store_reader import StoreReader
from telltale.clock import Clock
from telltale.site import Site


@dataclass(frozen=True, slots=True)
class Service:
    """Attributes:
    settings, site: what was configured.
    data_dir: the folder of the databases.
    state, journal: `state.db` and `journal.db`, opened by this process.
    store: the results.
    mails: the folder of sent mails; None where none is configured.
    clock: the run's clock.
    life_models: the remaining-life models that the site names.
    """

    settings: ServeSettings
    site: Site
    data_dir: Path
    state: sqlite3.Connection
    journal: sqlite3.Connection
    store: StoreReader
    mails: MailFolder | None
    clock: Clock
    life_models: LifeModels = field(default_factory=dict)

    def now_ns(self) -> int:
        """Now on the run's clock, UTC ns."""
        return run_now_ns(self.state, self.clock)


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service
