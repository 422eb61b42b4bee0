"""How complete the data are, as pages, API and metrics show it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cloud_service.completeness.holes import Books, Hole, gateway_books, gateway_holes
from cloud_service.completeness.report import SPAN_DAYS, ChannelReport, channel_report, read_ledgers
from cloud_service.serve.service import Service
from telltale.clock import NS_PER_DAY
from telltale.site import Place

SHOWN = 50  # gaps in a table
STRIP_WIDTH = 1_000.0
LEAST_WIDTH = 2.0  # of a gap, so that it is seen


@dataclass(frozen=True, slots=True)
class Stray:
    """Blocks of a channel that a gateway sends and may not; `channel` is `*` for those beyond the bound."""

    channel: str
    reason: str
    blocks: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class GatewayCompleteness:
    """The books of a gateway, its newest holes, and what it sends beside its own channels."""

    books: Books
    holes: Sequence[Hole]
    strays: Sequence[Stray]


def of_channel(service: Service, place: Place, days: int = SPAN_DAYS) -> ChannelReport | None:
    """A channel's report; None before its first reading."""
    ledger = read_ledgers(service.state, place.channel.id).get(place.channel.id)
    holes = gateway_holes(service.journal, place.channel.gateway)
    return channel_report(place.channel, ledger, holes, service.now_ns(), days)


def of_gateways(service: Service) -> dict[str, GatewayCompleteness]:
    """Every gateway that has sent a frame or is in the site."""
    books = gateway_books(service.journal)
    strays = _strays(service.journal)
    return {
        gateway: GatewayCompleteness(
            books.get(gateway, Books()), gateway_holes(service.journal, gateway, SHOWN), strays.get(gateway, ())
        )
        for gateway in sorted({*books, *service.site.gateways()})
    }


def of_all_channels(service: Service) -> Iterator[tuple[str, ChannelReport]]:
    """Channel id and report of each that has readings, without the causes: for metrics."""
    ledgers, now_ns = read_ledgers(service.state), service.now_ns()
    for place in service.site.channels():
        report = channel_report(place.channel, ledgers.get(place.channel.id), (), now_ns)
        if report is not None:
            yield place.channel.id, report


def percent_text(complete_percent: float) -> str:
    """`99.97 %`; never a full hundred while anything is missing."""
    shown = complete_percent if complete_percent >= 100 else min(complete_percent, 99.99)
    return f"{shown:.2f}".rstrip("0").rstrip(".") + " %"


def strip(spans: Sequence[tuple[int | None, int | None]], start_ns: int, end_ns: int) -> list[tuple[float, float]]:
    """(x, width) of each span on a strip from `start_ns` to `end_ns`; an end that is not known is that of the strip."""
    scale = STRIP_WIDTH / max(1, end_ns - start_ns)
    found = []
    for begin_ns, finish_ns in spans:
        low = max(start_ns, start_ns if begin_ns is None else begin_ns)
        high = min(end_ns, end_ns if finish_ns is None else finish_ns)
        if low < high:
            width = max(LEAST_WIDTH, (high - low) * scale)
            found.append((round(min((low - start_ns) * scale, STRIP_WIDTH - width), 1), round(width, 1)))
    return found


def span_of(now_ns: int) -> tuple[int, int]:
    """The days that a gateway's strip shows."""
    return now_ns - SPAN_DAYS * NS_PER_DAY, now_ns


def _strays(journal: sqlite3.Connection) -> dict[str, list[Stray]]:
    found: dict[str, list[Stray]] = {}
    query = "SELECT gateway, channel, reason, blocks, last_ns FROM strays ORDER BY blocks DESC"
    for gateway, *rest in journal.execute(query):
        found.setdefault(gateway, []).append(Stray(*rest))
    return found
