"""Keys, tokens and passwords in files: refused where others may read them, as ssh does."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from telltale.errors import SettingsError

CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd's, see systemd.exec(5)


def check_private(path: Path, setting: str) -> None:
    """Refuse a secret that group or others may read.

    Files that systemd hands to a unit are let through: it gives the unit's user access by an access list, which shows
    as a group permission.

    Args:
        path: the file; one that is not there is left to the caller.
        setting: the setting that names it, for the error.

    Raises:
        SettingsError: others may read it; names setting, file and `chmod`.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    handed_over = os.environ.get(CREDENTIALS, "")
    open_to = mode & (0o007 if handed_over and path.is_relative_to(handed_over) else 0o077)
    if open_to:
        raise SettingsError(f"{setting}: {path} may be read by others (mode {mode:o})", f"chmod 600 {path}")
