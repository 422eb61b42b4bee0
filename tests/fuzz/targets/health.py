"""Health and status of a gateway: what is accepted can be kept as a row, shown and read again."""

from __future__ import annotations

import contextlib

from cloud_service.analyse.gateways import GatewayNow, gateway_row
from cloud_service.store.check import check_rows
from cloud_service.store.schema import decode_rows, encode_rows
from telltale.errors import RejectedError
from telltale.health import decode_health, decode_status


def target(data: bytes) -> None:
    with contextlib.suppress(RejectedError):
        decode_status(data)
    try:
        health = decode_health(data)
    except RejectedError:
        return
    row = gateway_row(GatewayNow("gw", online=True, seen_ns=0, health=health), 1)
    assert row is not None
    check_rows(row)
    assert decode_rows(encode_rows([row]))[0].subject == "gw"
    for channel in health.inputs:
        assert -(2**63) <= channel.last_ns < 2**63
