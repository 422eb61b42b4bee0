"""What is fuzzed. A target raises on a violation only: an error that is not one of ours, or a difference."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.targets import (
    body,
    frame,
    health,
    histories,
    journal,
    life_model,
    line_protocol,
    loggerfile,
    mail,
    settings,
    stored,
)

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "body": body.target,
    "frame": frame.target,
    "health": health.target,
    "histories": histories.target,
    "journal": journal.target,
    "life_model": life_model.target,
    "line_protocol": line_protocol.target,
    "loggerfile": loggerfile.target,
    "mail": mail.target,
    "settings": settings.target,
    "stored": stored.target,
}
