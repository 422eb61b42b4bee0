"""Arguments of commands: a mistake is one line that names it, like every other mistake of a user."""

from __future__ import annotations

import argparse
from typing import NoReturn

from telltale.errors import UserError


class CommandParser(argparse.ArgumentParser):
    """Raises `UserError` where `argparse` would print its usage and end the process."""

    def error(self, message: str) -> NoReturn:
        """What `argparse` found wrong, and where to look."""
        raise UserError(message, f"see {self.prog} --help")
