"""The agent's outbox lets go of a frame when the broker has it, not when the service has stored it."""

from __future__ import annotations

import sys
from typing import Any


def apply() -> None:
    """Change the agent, where this process is one."""
    if "edge" not in sys.orig_argv:
        return
    import aiomqtt

    from edge_agent.outbox.box import Outbox
    from telltale.topics import Verb, parse
    from telltale.wire import frame_pb2 as pb
    from telltale.wire.ack import StoredAck

    outboxes: list[Any] = []
    begin, publish = Outbox.__init__, aiomqtt.Client.publish

    def remember(self: Any, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        outboxes.append(self)

    async def publish_and_settle(self: Any, topic: str, payload: Any = None, *arguments: Any, **named: Any) -> None:
        await publish(self, topic, payload, *arguments, **named)
        parsed = parse(topic)
        if parsed is not None and parsed[1] is Verb.FRAME:
            frame = pb.Frame.FromString(payload)
            outboxes[-1].settle(StoredAck(frame.run_id, 0, ((frame.sequence, frame.sequence),)))

    Outbox.__init__ = remember  # type: ignore[method-assign]
    aiomqtt.Client.publish = publish_and_settle  # type: ignore[method-assign, assignment]
