"""Where a gateway's key and certificates lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from telltale.broker import BrokerSettings
from telltale.errors import SettingsError

CREDENTIALS = Path("/run/credentials")


@dataclass(frozen=True, slots=True)
class GatewayFiles:
    """Paths of the gateway's own files; `request` is the certificate's with the ending `.csr`."""

    key: Path
    certificate: Path
    authority: Path

    @property
    def request(self) -> Path:
        """The signing request."""
        return self.certificate.with_suffix(".csr")


def gateway_files(broker: BrokerSettings, folder: Path | None, where: str) -> GatewayFiles:
    """The files that `[broker]` names; with `folder`, their names there.

    Raises:
        SettingsError: a setting is missing, or names a folder that systemd fills.
    """
    named = {"key_file": broker.key_file, "cert_file": broker.cert_file, "ca_file": broker.ca_file}
    for setting, name in named.items():
        if not name:
            remedy = "name the file where it will be, such as /etc/telltale/secrets/gateway.key"
            raise SettingsError(f"{where}: broker.{setting}: missing", remedy)
        if folder is None and Path(name).is_relative_to(CREDENTIALS):
            remedy = "add --folder with the folder that the unit's LoadCredential= names, such as /etc/telltale/secrets"
            raise SettingsError(f"{where}: broker.{setting}: {name} is handed over by systemd", remedy)
    use = broker if folder is None else in_folder(broker, folder)
    return GatewayFiles(Path(use.key_file), Path(use.cert_file), Path(use.ca_file))


def in_folder(broker: BrokerSettings, folder: Path) -> BrokerSettings:
    """`[broker]` with its files in `folder`, by the same names: where what systemd hands over is kept."""
    files = {"key_file": broker.key_file, "cert_file": broker.cert_file, "ca_file": broker.ca_file}
    moved = {setting: str(folder / Path(name).name) for setting, name in files.items() if name}
    return msgspec.structs.replace(broker, **moved)
