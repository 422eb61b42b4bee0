"""`telltale pki list`: who has which certificate, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

from cloud_service.pki.index import Index, Issued

SOON = timedelta(days=30)


def state(item: Issued, now: datetime) -> str:
    """One word or two on a certificate."""
    if item.revoked_at is not None:
        return f"revoked {item.revoked_at:%Y-%m-%d}" + (f" ({item.reason})" if item.reason else "")
    if item.not_after <= now:
        return "EXPIRED"
    if item.not_after - now < SOON:
        return "EXPIRES SOON"
    return "valid"


def table(index: Index, now: datetime) -> str:
    """All certificates, oldest first."""
    rows = [("name", "role", "until", "days", "state", "serial")]
    for item in index.issued:
        left = (item.not_after - now).days
        rows.append(
            (item.name, item.role.value, f"{item.not_after:%Y-%m-%d}", str(left), state(item, now), item.serial)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
