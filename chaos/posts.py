"""The driver's side of the mail server: what it is ordered to answer, and what it has seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from chaos.postbox import LOG_FILE, ORDERS


@dataclass(slots=True)
class Posts:
    """The mail server's folder."""

    folder: Path
    ordered: int = 0

    def order(self, word: str) -> None:
        """The next DATA is answered so (see `chaos.postbox`)."""
        self.ordered += 1
        path = self.folder / ORDERS / f"{self.ordered:06d}"
        part = self.folder / f".{self.ordered:06d}"
        part.write_text(word, encoding="ascii")
        part.rename(path)

    def waiting_orders(self) -> int:
        """Orders that no DATA has met yet."""
        return len(list((self.folder / ORDERS).iterdir()))

    def withdraw(self) -> None:
        """Take back what is still ordered."""
        for path in (self.folder / ORDERS).iterdir():
            path.unlink(missing_ok=True)

    def entries(self) -> list[dict[str, object]]:
        """Every DATA so far."""
        path = self.folder / LOG_FILE
        if not path.exists():
            return []
        found = []
        for line in path.read_bytes().split(b"\n"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # a line that a kill cut off: never answered
        return found
