"""`[serve]` of `cloud.toml`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telltale.broker import is_loopback
from telltale.errors import SettingsError
from telltale.settings import Settings


class ServeSettings(Settings, frozen=True):
    """Where the pages and the API are, and what they show.

    Attributes:
        host, port: where to listen. Loopback only, until there is sign-in.
        mail_dir: folder of `.eml` files whose mails the page shows (the `file` notifier's, or a mail sink's); relative
            to the folder of `cloud.toml`. Empty: the page lists the mails without their text.
        refresh_s: how often an open page brings itself up to date.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8080
    mail_dir: str = ""
    refresh_s: Annotated[int, Meta(ge=1, le=3600)] = 5


def check(settings: ServeSettings, where: str) -> None:
    """Refuse to be reachable from other machines.

    Raises:
        SettingsError: names serve.host.
    """
    if not is_loopback(settings.host):
        raise SettingsError(
            f"{where}: serve.host: {settings.host} is not loopback, and the pages have no sign-in yet",
            "use 127.0.0.1 (from elsewhere: ssh -L 8080:127.0.0.1:8080 …)",
        )
