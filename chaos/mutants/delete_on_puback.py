"""The agent's outbox lets go of a frame when the broker has it, not when the service has stored it."""

from __future__ import annotations

import sys
from typing import Any


def apply() -> None:
    """Change the agent, where this process is one."""
    if "edge" not in sys.orig_argv:
        return
    from edge_agent.outbox.box import Outbox
    from edge_agent.outbox.schema import run_of, sequence_of
    from edge_agent.publish.connection import GatewayClient
    from telltale.wire.ack import StoredAck

    outboxes: list[Any] = []
    begin, answered = Outbox.__init__, GatewayClient._on_publish

    def remember(self: Any, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        outboxes.append(self)

    def settle_answered(self: Any, client: Any, userdata: Any, mid: int, code: Any, properties: Any) -> None:
        frame = self._under_way.get(mid)
        answered(self, client, userdata, mid, code, properties)
        if frame is not None and not code.is_failure:
            run, sequence = outboxes[-1]._store.runs[run_of(frame)], sequence_of(frame)
            outboxes[-1].settle(StoredAck(run.run_id, 0, ((sequence, sequence),)))

    Outbox.__init__ = remember  # type: ignore[method-assign]
    GatewayClient._on_publish = settle_answered  # type: ignore[method-assign, assignment]
