"""A Mosquitto of our own on loopback, with the queues and limits of a deployment's broker."""

from __future__ import annotations

import os
from pathlib import Path

# The broker is no store (the edge keeps a frame until its store-ack): what matters is that it never buffers without
# bound, that a slow subscriber is not cut off from new messages, and that small packets are not held back.
_SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}{sep}
autosave_interval 30
max_queued_messages 0
max_queued_bytes 268435456
max_inflight_messages 200
max_packet_size 4500000
set_tcp_nodelay true
log_dest stdout
log_type error
log_type warning
log_type notice
connection_messages true
{user}"""


def write_settings(folder: Path, port: int) -> Path:
    """Write `mosquitto.conf` for a loopback broker on `port` that keeps its files in `folder`.

    Anonymous access stands here because the listener is bound to loopback; `deploy/` holds the secured one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Started by root, Mosquitto would drop to a user that may not enter `folder`.
    user = "user root\n" if os.geteuid() == 0 else ""
    path = folder / "mosquitto.conf"
    path.write_text(_SETTINGS.format(port=port, folder=folder.resolve(), sep=os.sep, user=user), encoding="utf-8")
    return path
