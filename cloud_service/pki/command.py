"""`telltale pki …`: a small certificate authority for sites without one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from cloud_service.pki.authority import CERTIFICATE, CRL, PASSPHRASE_VARIABLE, read_passphrase
from cloud_service.pki.create import create_authority
from cloud_service.pki.crl import publish_crl, write_crl
from cloud_service.pki.desk import Desk, opened_desk
from cloud_service.pki.index import held_index
from cloud_service.pki.issue import issue
from cloud_service.pki.listing import table
from cloud_service.pki.local import LocalFiles, keep_local
from cloud_service.pki.request import read_request
from cloud_service.pki.revoke import revoke
from cloud_service.pki.roles import HEALTH_NAME, SERVICE_NAME, Identity, Role, gateway, server
from cloud_service.whole_number import whole_number
from telltale.durable_file import PUBLIC, write_durably
from telltale.errors import FatalError, UserError

DAYS = 825
AUTHORITY_DAYS = 3650
_days = whole_number(1, 36_500)


def pki(argv: Sequence[str]) -> int:
    """The command; see `telltale pki --help`.

    Raises:
        UserError, FatalError: one line that names the culprit.
    """
    use = _parser().parse_args(argv)
    work = {"init": _init, "issue": _issue, "local": _local, "revoke": _revoke, "list": _list, "crl": _crl}
    work[use.verb](use, datetime.now(UTC).replace(microsecond=0))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="telltale pki", description="A small certificate authority for gateways, broker and service."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="init|issue|local|revoke|list|crl")
    for verb, text in (
        ("init", "make a new authority in DIR"),
        ("issue", "sign a request (CSR) that a gateway made with telltale edge enrol, or another server's"),
        ("local", "make or renew key and certificate of a part on this machine"),
        ("revoke", "let a certificate in no more"),
        ("list", "show every certificate"),
        ("crl", "write the revocation list again, to where the brokers read it"),
    ):
        command = verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.add_argument("dir", type=Path, metavar="DIR", help="the authority's folder")
        command.add_argument(
            "--passphrase-file",
            type=Path,
            metavar="FILE",
            help=f"its first line encrypts the authority's key; or {PASSPHRASE_VARIABLE}",
        )
        _OPTIONS[verb](command)
    return parser


def _init_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--name", required=True, help="of the authority, as people will read it")
    command.add_argument(
        "--days", type=_days, default=AUTHORITY_DAYS, metavar="N", help=f"how long it holds (default {AUTHORITY_DAYS})"
    )
    _publish_option(command)


def _issue_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("request", type=Path, metavar="CSR", help="the file with the request")
    _identity_options(command)
    command.add_argument(
        "--renew", action="store_true", help="though the name has a valid certificate: the same device goes on"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="default: beside the CSR, ending in .crt")


def _local_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER", help="where the part reads them")
    command.add_argument("file", metavar="NAME", help="makes FOLDER/NAME.key, FOLDER/NAME.crt and FOLDER/ca.crt")
    _identity_options(command, with_gateway=False)


def _revoke_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", metavar="NAME|SERIAL", help="all certificates of a name, or one by its serial")
    command.add_argument("--reason", default="", help="for the record")


def _no_options(_command: argparse.ArgumentParser) -> None:
    """None of its own."""


def _publish_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--publish",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a broker's crlfile, written each time",
    )


def _identity_options(command: argparse.ArgumentParser, *, with_gateway: bool = True) -> None:
    whose = command.add_mutually_exclusive_group(required=True)
    if with_gateway:
        whose.add_argument("--gateway", metavar="NAME", help="a gateway, by its id")
    whose.add_argument("--service", action="store_true", help=f"the service's own, {SERVICE_NAME}")
    whose.add_argument("--health", action="store_true", help=f"the broker's health check, {HEALTH_NAME}")
    whose.add_argument("--server", metavar="NAME", help="a server: the broker, the store")
    command.add_argument(
        "--dns", action="append", default=[], metavar="HOST", help="a name of the server; may be repeated"
    )
    command.add_argument(
        "--ip", action="append", default=[], metavar="ADDRESS", help="an address of the server; may be repeated"
    )
    command.add_argument("--days", type=_days, default=DAYS, metavar="N", help=f"how long it holds (default {DAYS})")


_OPTIONS = {
    "init": _init_options,
    "issue": _issue_options,
    "local": _local_options,
    "revoke": _revoke_options,
    "list": _no_options,
    "crl": _publish_option,
}


def _whose(use: argparse.Namespace) -> Identity:
    if use.server:
        return server(use.server, (*use.dns, *use.ip))
    if use.service:
        return Identity(Role.SERVICE, SERVICE_NAME)
    return Identity(Role.HEALTH, HEALTH_NAME) if use.health else gateway(use.gateway)


def _check_places(places: list[Path]) -> None:
    """A place is remembered, and each list that does not reach it is an error: so it must be one."""
    for path in places:
        if not path.parent.is_dir():
            raise UserError(f"--publish {path}: no such folder", "make it first: the broker reads the list there")


def _init(use: argparse.Namespace, now: datetime) -> None:
    _check_places(use.publish)
    passphrase = read_passphrase(use.passphrase_file)
    create_authority(use.dir, use.name, now, days=use.days, passphrase=passphrase, publish=use.publish)
    kept = "encrypted" if passphrase else "NOT encrypted: keep the folder on a machine that you trust"
    print(f"made {use.dir / CERTIFICATE}; its key is {kept}")


def _issue(use: argparse.Namespace, now: datetime) -> None:
    whose = _whose(use)
    request = read_request(use.request, whose.name)
    out = use.out or use.request.with_suffix(".crt")
    with _desk(use, now) as desk:
        certificate = issue(desk, request, whose, days=use.days, is_renewal=use.renew)
    try:
        write_durably(out, certificate, PUBLIC)
    except OSError as error:
        serial = desk.index.issued[-1].serial
        raise FatalError(f"{out}: cannot be written ({error.strerror}): revoke {serial} and issue again") from None
    print(f"made {out} for {whose.name}; bring it and {use.dir / CERTIFICATE} to the device")


def _local(use: argparse.Namespace, now: datetime) -> None:
    files = LocalFiles(use.folder, use.file)
    with _desk(use, now) as desk:
        if keep_local(desk, files, _whose(use), days=use.days):
            print(f"made {files.certificate}")


def _revoke(use: argparse.Namespace, now: datetime) -> None:
    with _desk(use, now) as desk:
        for item in revoke(desk, use.what, use.reason):
            print(f"revoked {item.name} {item.serial}")
        _publish(desk)


def _list(use: argparse.Namespace, now: datetime) -> None:
    with held_index(use.dir) as index:
        print(table(index, now))


def _crl(use: argparse.Namespace, now: datetime) -> None:
    _check_places(use.publish)
    with _desk(use, now) as desk:
        known = desk.index.publish
        known += [str(path.resolve()) for path in use.publish if str(path.resolve()) not in known]
        write_crl(desk)
        _publish(desk)


def _desk(use: argparse.Namespace, now: datetime) -> AbstractContextManager[Desk]:
    return opened_desk(use.dir, read_passphrase(use.passphrase_file), now)


def _publish(desk: Desk) -> None:
    for path in publish_crl(desk.folder, desk.index):
        print(f"wrote {path}")
    if not desk.index.publish:
        print(f"{desk.folder / CRL} is NOT in force yet: copy it to the broker's crlfile, or name that with --publish")
