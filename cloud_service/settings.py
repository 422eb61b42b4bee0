"""`cloud.toml`: the settings of the service, put together from those that each part declares for itself.

A part reads its own section, and imports no other's; `check` reads them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from cloud_service.watchdog import DEFAULT_WATCHDOG_S
from models.standards import CONDITION_SCHEMES
from telltale.broker import BrokerSettings, tls_context
from telltale.clock import ClockMode
from telltale.errors import SettingsError, expected_one_of
from telltale.settings import Settings, convert, load
from telltale.site import Channel, Site
from telltale.site_file import load_site

if TYPE_CHECKING:
    from cloud_service.alert.settings import AlertSettings
    from cloud_service.analyse.life_models import LifeModels
    from cloud_service.analyse.settings import AnalyseSettings
    from cloud_service.ingest.settings import IngestSettings
    from cloud_service.notify.settings import NotifySettings
    from cloud_service.serve.settings import ServeSettings
    from cloud_service.store.settings import StoreSettings

Table = dict[str, Any]
S = TypeVar("S")


class CloudFile(Settings, frozen=True):
    """The file itself.

    Attributes:
        site: path of `site.toml`, relative to this file's folder.
        data_dir: where the service keeps its databases, relative likewise.
        clock: "system" on a real site; "data" where a time-lapse or the replay of an old recording brings its own now.
        watchdog_s: a part that has shown no sign of life for so long is killed and started again; longer than the
            longest batch or write that is still in order.
        broker: where the broker is.
        ingest, analyse, store, alert, notify, serve: tables of the parts.
    """

    site: str
    data_dir: str = "cloud-data"
    clock: ClockMode = "system"
    watchdog_s: Annotated[float, Meta(ge=5, le=86_400)] = DEFAULT_WATCHDOG_S
    broker: BrokerSettings = BrokerSettings()
    ingest: Table = msgspec.field(default_factory=dict)
    analyse: Table = msgspec.field(default_factory=dict)
    store: Table = msgspec.field(default_factory=dict)
    alert: Table = msgspec.field(default_factory=dict)
    notify: Table = msgspec.field(default_factory=dict)
    serve: Table = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """The settings of one deployment.

    Attributes:
        path: the file, absolute.
        file: what it says.
        site: what it monitors.
    """

    path: Path
    file: CloudFile
    site: Site

    @property
    def where(self) -> str:
        """The file's name, for errors."""
        return str(self.path)

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent

    @property
    def data_dir(self) -> Path:
        """The folder of the databases."""
        return self.base / self.file.data_dir

    def ingest(self) -> IngestSettings:
        """`[ingest]`."""
        from cloud_service.ingest.settings import IngestSettings  # noqa: PLC0415 - a part imports its own alone

        return self._section("ingest", self.file.ingest, IngestSettings)

    def analyse(self) -> AnalyseSettings:
        """`[analyse]`; refuses channels that are derived from each other in a circle."""
        from cloud_service.analyse.order import check_order  # noqa: PLC0415 - a part imports its own alone
        from cloud_service.analyse.settings import AnalyseSettings  # noqa: PLC0415

        check_order(self.site)
        return self._section("analyse", self.file.analyse, AnalyseSettings)

    def life_models(self) -> LifeModels:
        """The remaining-life models that the site names; refuses what its channels cannot feed."""
        if not self.site.has_assets:
            return {}
        from cloud_service.analyse.life_models import load_life_models  # noqa: PLC0415 - few sites have one

        return load_life_models(self.site, (self.base / self.file.site).parent)

    def store(self) -> StoreSettings:
        """`[store]`."""
        from cloud_service.store.settings import store_settings  # noqa: PLC0415 - a part imports its own alone

        return store_settings(self.file.store, self.where)

    def alert(self) -> AlertSettings:
        """`[alert]`; refuses maintenance of a structure that the site does not have."""
        from cloud_service.alert.settings import AlertSettings, check  # noqa: PLC0415 - a part imports its own alone

        settings = self._section("alert", self.file.alert, AlertSettings)
        check(settings, self.site, self.where)
        return settings

    def notify(self) -> NotifySettings:
        """`[notify]`; without it, mails are files."""
        from cloud_service.notify.settings import notify_settings  # noqa: PLC0415 - a part imports its own alone

        return notify_settings(self.file.notify, self.where)

    def serve(self) -> ServeSettings:
        """`[serve]`."""
        from cloud_service.serve.settings import ServeSettings, check  # noqa: PLC0415 - a part imports its own alone

        settings = self._section("serve", self.file.serve, ServeSettings)
        check(settings, self.where)
        return settings

    def check(self) -> None:
        """Read every section.

        Raises:
            SettingsError: the first that cannot be used; names file, key and what was expected.
        """
        tls_context(self.file.broker, self.where)
        for section in (self.ingest, self.analyse, self.life_models, self.store, self.alert, self.notify, self.serve):
            section()

    def _section(self, name: str, table: Mapping[str, Any], into: type[S]) -> S:
        return convert(table, into, f"{self.where}: {name}")


def load_cloud(path: Path) -> CloudSettings:
    """Read `cloud.toml` and the site file that it names.

    Raises:
        SettingsError: naming file, key and what was expected.
    """
    file = load(path, CloudFile)
    site_path = path.parent / file.site
    if not site_path.is_file():
        raise SettingsError(f"{path}: site: no such file {site_path}", "give the path of the site file")
    site = load_site(site_path)
    for place in site.channels():
        _check_scheme(place.channel, site_path)
    return CloudSettings(path.resolve(), file, site)


def _check_scheme(channel: Channel, where: Path) -> None:
    scheme = channel.condition_scheme
    if scheme and scheme not in CONDITION_SCHEMES:
        raise SettingsError(
            f"{where}: channel {channel.id!r}: condition_scheme {scheme!r} is not in the registry of standards",
            expected_one_of(CONDITION_SCHEMES),
        )
