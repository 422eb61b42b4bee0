"""`telltale pki revoke`: these certificates let nobody in any more."""

from __future__ import annotations

import msgspec

from cloud_service.pki.crl import write_crl
from cloud_service.pki.desk import Desk
from cloud_service.pki.index import Issued
from telltale.errors import UserError


def revoke(desk: Desk, what: str, reason: str = "") -> list[Issued]:
    """Revoke every valid certificate of a name, or the one with a serial; returns them.

    Raises:
        UserError: nobody has such a certificate, or it is revoked already.
        FatalError: the index or the list cannot be written.
    """
    index = desk.index
    chosen = [item for item in index.issued if _is_meant(item, what) and item.revoked_at is None]
    if not chosen:
        known = any(_is_meant(item, what) for item in index.issued)
        problem = "every certificate of it is revoked already" if known else "no certificate of that name or serial"
        raise UserError(f"{what}: {problem}", "telltale pki list shows what there is")
    index.issued = [
        msgspec.structs.replace(item, revoked_at=desk.now, reason=reason) if item in chosen else item
        for item in index.issued
    ]
    write_crl(desk)
    return chosen


def _is_meant(item: Issued, what: str) -> bool:
    return item.name == what or item.serial == what.upper().replace(":", "").lstrip("0")
