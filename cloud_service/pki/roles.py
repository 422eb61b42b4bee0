"""What a certificate is for. The role decides name, key usage and alternative names; a request decides nothing."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from telltale.errors import UserError
from telltale.topics import NAME_PATTERN, is_name

# Users of the broker that are no gateways. A colon cannot stand in a gateway's name, so that no gateway can ever be
# called like one of them; deploy/mosquitto/acl.conf names them.
SERVICE_NAME = "telltale:service"
HEALTH_NAME = "telltale:health"

_HOST = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*\Z")


class Role(StrEnum):
    """Whose certificate it is."""

    GATEWAY = "gateway"
    SERVICE = "service"
    HEALTH = "health"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a certificate names.

    Attributes:
        role, name: the name is the common name, and at the broker the user and the client id.
        hosts: DNS names and IP addresses of a server.
    """

    role: Role
    name: str
    hosts: tuple[str, ...] = ()

    def usage(self) -> x509.ExtendedKeyUsage:
        """Client or server, never both: a gateway cannot pose as the broker, nor the broker's key as a client."""
        server = self.role is Role.SERVER
        return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH])

    def alternative_names(self) -> x509.SubjectAlternativeName:
        """A server's hosts; a client's role and name as a URN."""
        if self.role is Role.SERVER:
            return x509.SubjectAlternativeName([_host(name) for name in self.hosts])
        urn = f"urn:telltale:{self.role}:{self.name.rpartition(':')[2]}"
        return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(urn)])


def gateway(name: str) -> Identity:
    """A gateway.

    Raises:
        UserError: the name is none for topics.
    """
    if not is_name(name):
        raise UserError(f"--gateway {name!r}: no gateway's name", f"it must match {NAME_PATTERN}")
    return Identity(Role.GATEWAY, name)


def server(name: str, hosts: tuple[str, ...]) -> Identity:
    """A server: the broker, or another that the deployment's parts reach.

    Raises:
        UserError: no host, or one that is neither a DNS name nor an address.
    """
    if not _HOST.match(name) or len(name) > 64:
        raise UserError(f"--server {name!r}: no server's name", "letters, digits, dots and dashes, at most 64")
    if not hosts:
        raise UserError("--dns, --ip: missing", "name the hosts under which clients reach the server")
    for host in hosts:
        _host(host)
    return Identity(Role.SERVER, name, tuple(dict.fromkeys(hosts)))


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if _HOST.match(name) and len(name) <= 253:
            return x509.DNSName(name)
    raise UserError(f"host {name!r}: neither a DNS name nor an IP address", "give a name without port or wildcard")
