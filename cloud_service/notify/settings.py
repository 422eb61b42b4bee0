"""`[notify]` of `cloud.toml`: one of the registry's settings types, told apart by `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_service.notify.notifiers import NOTIFIERS, NotifySettings
from cloud_service.notify.port import NotifierKind
from telltale.errors import SettingsError, expected_one_of
from telltale.settings import convert

__all__ = ["NotifySettings", "check", "kind_of", "notify_settings"]


def kind_of(settings: NotifySettings) -> NotifierKind:
    """The notifier that these settings are for."""
    return next(kind for kind in NOTIFIERS.values() if kind.settings is type(settings))


def check(settings: NotifySettings, where: str) -> None:
    """What types cannot tell; no I/O.

    Raises:
        SettingsError: names the key.
    """
    kind_of(settings).check(settings, f"{where}: notify")


def notify_settings(table: Mapping[str, Any], where: str) -> NotifySettings:
    """The `[notify]` table: `kind` ("file" if absent: no alert is lost before a mail server is set up) and keys.

    Raises:
        SettingsError: naming file, key and what was expected.
    """
    kind = table.get("kind", "file")
    if kind not in NOTIFIERS:
        raise SettingsError(f"{where}: notify.kind: {kind!r}", expected_one_of(NOTIFIERS))
    settings: NotifySettings = convert({**table, "kind": kind}, NOTIFIERS[kind].settings, f"{where}: notify")
    check(settings, where)
    return settings
