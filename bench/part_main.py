"""One part of the service as its own process: `part_main.py PART CONFIG on|off`; off: no commit waits for the disk."""

from __future__ import annotations

import sys
from pathlib import Path

from cloud_service.command import cloud
from cloud_service.database import open_database
from cloud_service.journal.writer import open_journal
from cloud_service.state import open_state


def main(part: str, config: str, durable: str) -> int:
    for opener in (open_database, open_journal, open_state):
        opener.__kwdefaults__["durable"] = durable == "on"
    return cloud([part, "-c", str(Path(config))])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
