"""Where the MQTT broker is; shared by edge and cloud.

Plaintext is refused beyond loopback: the setting that is missing is named.
"""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from telltale.errors import SettingsError
from telltale.private_file import check_private
from telltale.settings import Settings


class BrokerSettings(Settings, frozen=True):
    """`[broker]` in `edge.toml` and `cloud.toml`.

    Attributes:
        host, port: the broker.
        ca_file, cert_file, key_file: TLS with a client certificate; all three or none.
        keepalive_s: MQTT keep-alive.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine's loopback and nothing else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls_context(broker: BrokerSettings, where: str) -> ssl.SSLContext | None:
    """The TLS context for `broker`, or None for plaintext on loopback.

    The server's name is checked, TLS is 1.2 or newer, and nothing else is tried when that fails.

    Raises:
        SettingsError: plaintext beyond loopback, certificate files that cannot be used, or a key that others may read;
            names the setting.
    """
    files = {"ca_file": broker.ca_file, "cert_file": broker.cert_file, "key_file": broker.key_file}
    missing = [name for name, value in files.items() if not value]
    if len(missing) == len(files):
        if is_loopback(broker.host):
            return None
        raise SettingsError(
            f"{where}: broker.ca_file: missing, and {broker.host} is not loopback",
            "set broker.ca_file, cert_file and key_file: plaintext never leaves this machine",
        )
    if missing:
        raise SettingsError(
            f"{where}: broker.{missing[0]}: missing", "TLS needs ca_file, cert_file and key_file together"
        )
    for name, value in files.items():
        if not Path(value).is_file():
            remedy = "telltale edge enrol makes a gateway's, telltale pki the service's"
            raise SettingsError(f"{where}: broker.{name}: no such file {value}", remedy)
    check_private(Path(broker.key_file), f"{where}: broker.key_file")
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(broker.cert_file, broker.key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{where}: broker: certificate files cannot be used ({error})") from None
    return context
