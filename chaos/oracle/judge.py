"""All checks of a campaign that has drained, in order."""

from __future__ import annotations

from pathlib import Path

from chaos.campaign import Course
from chaos.oracle.books import Excuse, check_books, check_journal
from chaos.oracle.findings import Verdict
from chaos.oracle.mails import check_mails, check_same_mails
from chaos.oracle.results import check_incidents, check_rows
from chaos.oracle.stored import Table, read_sqlite
from chaos.system import System
from telltale.site_file import load_site


def judge(system: System, course: Course, stored: dict[str, Table], reference: Path | None) -> Verdict:
    """The verdict on a campaign whose system has ended.

    Args:
        system: for its folder and what its driver saw of sources and wire.
        course: the faults.
        stored: every row of the database, read past the product.
        reference: folder of the undisturbed run; None: nothing is compared.
    """
    verdict = Verdict()
    site = load_site(system.folder / "site.toml")
    excuses = {gateway.id: _excuse(system, gateway.id) for gateway in system.gateways}
    check_books(system.folder, system.gateways, site, stored, excuses, verdict)
    check_journal(system.cloud_data, verdict)
    entries = system.posts.entries()
    check_mails(system.cloud_data, entries, course.faults, course.began_s, verdict)
    for fault in course.faults:
        if fault.recovered_s is None:
            verdict.complaints.add(
                "not recovered", f"fault {fault.number}, {fault.kind}: {fault.target} ({fault.detail})"
            )
    if reference is not None:
        loads = {gateway.id for gateway in system.gateways if gateway.load}
        compared = {name for name, place in site.places.items() if place.channel.gateway not in loads}
        check_rows(stored, read_sqlite(reference / "cloud-data" / "store.db"), compared, verdict)
        check_incidents(system.cloud_data, reference / "cloud-data", verdict)
        check_same_mails(system.cloud_data, reference / "cloud-data", verdict)
    return verdict


def _excuse(system: System, gateway: str) -> Excuse:
    ticks = system.emitted[gateway].ticks.values()
    return Excuse(
        first_s={tick.number: tick.first_s for tick in ticks},
        seen_s={tick.number: tick.seen_s for tick in ticks},
        spans=system.doubts.spans.get(gateway, ()),
        sent=system.wire.sent,
    )
