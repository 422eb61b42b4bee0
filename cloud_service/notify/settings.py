"""`[notify]` of `cloud.toml`: one of the registry's settings types, told apart by `kind`."""

from __future__ import annotations

from cloud_service.notify.notifiers import NOTIFIERS, NotifySettings
from cloud_service.notify.port import NotifierKind

__all__ = ["NotifySettings", "check", "kind_of"]


def kind_of(settings: NotifySettings) -> NotifierKind:
    """The notifier that these settings are for."""
    return next(kind for kind in NOTIFIERS.values() if kind.settings is type(settings))


def check(settings: NotifySettings, where: str) -> None:
    """What types cannot tell; no I/O.

    Raises:
        SettingsError: names the key.
    """
    kind_of(settings).check(settings, f"{where}: notify")
