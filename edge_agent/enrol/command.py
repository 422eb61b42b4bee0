"""`telltale edge enrol -c edge.toml [--certificate FILE [--ca FILE]]`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.enrol.files import gateway_files
from edge_agent.settings import EdgeSettings


def add_enrol_options(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    add(
        "--folder",
        type=Path,
        metavar="DIR",
        help="where key and certificates are kept, if systemd hands them to the agent",
    )
    add("--certificate", type=Path, metavar="FILE", help="check what the authority made, and put it in place")
    add("--ca", type=Path, metavar="FILE", help="the authority's own certificate (with --certificate)")


def enrol(use: argparse.Namespace, settings: EdgeSettings) -> int:
    """Make key and request; or, with a certificate, check and install it.

    Raises:
        UserError: one line that names the culprit.
    """
    # With them comes `cryptography`, which a running agent never carries.
    from edge_agent.enrol.install import install_certificate  # noqa: PLC0415
    from edge_agent.enrol.request import next_steps, request_certificate  # noqa: PLC0415

    folder = f" --folder {use.folder}" if use.folder else ""
    files = gateway_files(settings.broker, use.folder, str(use.config))
    if use.certificate is None:
        made = request_certificate(files, settings.gateway)
        print(next_steps(made, files, settings.gateway, str(use.config), folder))
        return 0
    found = install_certificate(files, settings.gateway, use.certificate, use.ca, datetime.now(UTC))
    print(f"{files.certificate}: {settings.gateway}, valid until {found.not_valid_after_utc:%Y-%m-%d}")
    print(f"Start the agent again, then: telltale edge check -c {use.config}{folder}")
    return 0
