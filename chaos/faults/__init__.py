"""The registry of faults. A new kind is one entry in the list of its module, and one module is one line here."""

from __future__ import annotations

from chaos.faults import broker, clock, database, disk, hang, kill, links, mail
from chaos.faults.kind import FaultKind

FAULTS: dict[str, FaultKind] = {
    kind.name: kind for module in (kill, hang, links, broker, database, mail, disk, clock) for kind in module.KINDS
}
