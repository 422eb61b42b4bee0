"""A deployment for tests: an authority, certificates good and bad, and the committed broker settings on a real broker."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloud_service.pki.authority import CERTIFICATE
from cloud_service.pki.create import create_authority
from cloud_service.pki.crl import publish_crl
from cloud_service.pki.desk import opened_desk
from cloud_service.pki.issue import issue
from cloud_service.pki.local import LocalFiles, keep_local
from cloud_service.pki.request import read_request
from cloud_service.pki.revoke import revoke
from cloud_service.pki.roles import HEALTH_NAME, SERVICE_NAME, Identity, Role, gateway, server
from telltale.durable_file import write_durably
from telltale.signing_request import new_key, signing_request
from tests.servers.process import Server, free_port
from tests.servers.programs import program

MOSQUITTO = Path(__file__).parents[2] / "deploy" / "mosquitto"
SERVICE, HEALTH = SERVICE_NAME, HEALTH_NAME
DAYS = 825


def now() -> datetime:
    return datetime.now(UTC)


def identity(name: str) -> Identity:
    return {
        SERVICE: Identity(Role.SERVICE, SERVICE),
        HEALTH: Identity(Role.HEALTH, HEALTH),
        "broker": server("telltale-broker", ("localhost", "127.0.0.1")),
    }.get(name) or gateway(name)


@dataclass
class Deployment:
    """An authority in `folder/ca`, and the files of whoever asks for some."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca" / CERTIFICATE

    @property
    def crl(self) -> Path:
        """Where the broker reads the revocation list."""
        return self.folder / "broker" / "crl.pem"

    def files(self, name: str, whose: Identity | None = None) -> tuple[Path, Path]:
        """Certificate and key; made when first asked for."""
        stem = name.replace(":", "_")
        kept = LocalFiles(self.folder / stem, stem)
        with opened_desk(self.folder / "ca", None, now()) as desk:
            keep_local(desk, kept, whose or identity(name), days=DAYS)
        return kept.certificate, kept.key

    def files_as_they_are(self, name: str) -> tuple[Path, Path]:
        """Certificate and key that exist: nothing is renewed."""
        stem = self.folder / name.replace(":", "_") / name.replace(":", "_")
        return stem.with_suffix(".crt"), stem.with_suffix(".key")

    def dated(self, name: str, at: datetime, days: int) -> tuple[Path, Path]:
        """Certificate and key, issued at another time."""
        key = new_key()
        stem = self.folder / f"{name}-{at:%Y%m%d}-{days}"
        write_durably(stem.with_suffix(".key"), key)
        write_durably(stem.with_suffix(".csr"), signing_request(key, name, "test"))
        with opened_desk(self.folder / "ca", None, at) as desk:
            request = read_request(stem.with_suffix(".csr"), name)
            certificate = issue(desk, request, gateway(name), days=days, is_renewal=True)
        write_durably(stem.with_suffix(".crt"), certificate)
        return stem.with_suffix(".crt"), stem.with_suffix(".key")

    def revoke(self, name: str, *, publish: bool = True) -> None:
        with opened_desk(self.folder / "ca", None, now()) as desk:
            revoke(desk, name)
            if publish:
                publish_crl(desk.folder, desk.index)

    def tls(self, name: str) -> ssl.SSLContext:
        return client_tls(self.ca, *self.files(name))

    def tls_as_it_is(self, name: str) -> ssl.SSLContext:
        """With files that were made before: nothing is renewed."""
        return client_tls(self.ca, *self.files_as_they_are(name))


def client_tls(ca: Path, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def new_deployment(folder: Path, name: str = "Test CA") -> Deployment:
    made = Deployment(folder)
    (folder / "broker").mkdir(parents=True)
    create_authority(folder / "ca", name, now(), days=3650, passphrase=None, publish=[made.crl])
    made.files("broker")
    return made


def broker_settings(deployment: Deployment, folder: Path, port: int, acl: str = "") -> Path:
    """The committed settings; only paths and the port are this machine's, and what `acl` adds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "acl.conf").write_text((MOSQUITTO / "acl.conf").read_text() + acl)
    (folder / "acl.conf").chmod(0o600)
    text = (MOSQUITTO / "mosquitto.conf").read_text()
    for committed, here in (
        ("listener 8883", f"listener {port} 127.0.0.1"),
        ("/run/telltale/", f"{deployment.folder}/broker/"),
        ("/mosquitto/config/acl.conf", str(folder / "acl.conf")),
        ("/mosquitto/data/", f"{folder}/"),
    ):
        assert committed in text
        text = text.replace(committed, here)
    if os.geteuid() == 0:  # it would drop to a user that may not read here
        text += "user root\n"
    (folder / "mosquitto.conf").write_text(text)
    return folder / "mosquitto.conf"


def secured_broker(deployment: Deployment, folder: Path, *, acl: str = "", watched: bool = False) -> Server:
    """A real Mosquitto for the deployment; not yet started. `watched`: by run-broker.sh, which looks every second."""
    found = program("mosquitto", "mosquitto")
    port = free_port()
    settings = broker_settings(deployment, folder, port, acl)
    command = [str(found.path), "-c", str(settings)]
    if watched:
        command = [str(MOSQUITTO / "run-broker.sh"), str(deployment.crl), *command]
    environment = {**found.full_environment(), "TELLTALE_CRL_EVERY_S": "1"}
    return Server(command, port, folder / "mosquitto.log", environment)
