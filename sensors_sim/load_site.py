"""The settings files that go with a load: `site.toml` for the service, `edge.toml` for the agent."""

from __future__ import annotations

import json
from pathlib import Path

from sensors_sim.load import LoadSettings

SCALE_M_S2 = 0.0005  # of a count


def write_site(folder: Path, settings: LoadSettings, gateway: str = "gw-load") -> tuple[Path, Path]:
    """Write `site.toml` and `edge.toml` for a load, as the service and the agent read them; returns their paths.

    Args:
        folder: existing folder.
        settings: the load.
        gateway: the gateway's id.
    """
    site, edge = folder / "site.toml", folder / "edge.toml"
    site.write_text(_site_text(settings, gateway), encoding="utf-8")
    edge.write_text(_edge_text(settings, gateway), encoding="utf-8")
    return site, edge


def _site_text(settings: LoadSettings, gateway: str) -> str:
    head = (
        '[[facilities]]\nid = "load"\nname = "Load"\n\n'
        '[[facilities.structures]]\nid = "load-span"\nname = "Load span"\ntype = "bridge"\n'
    )
    channels = (
        f'\n[[facilities.structures.channels]]\nid = "{channel}"\nkind = "vibration"\nunit = "m/s2"\n'
        f'gateway = "{gateway}"\nrate_hz = {settings.rate_hz!r}\nwindow_samples = {settings.chunk_samples}\n'
        f'interval_s = {settings.chunk_s!r}\naxis = "{channel[-1]}"\n'
        for channel in settings.channels
    )
    return head + "".join(channels)


def source_table(settings: LoadSettings) -> str:
    """The lines of `[source.settings]` for a load: TOML writes these values as JSON does."""
    return "".join(f"{name} = {json.dumps(getattr(settings, name))}\n" for name in LoadSettings.__struct_fields__)


def _edge_text(settings: LoadSettings, gateway: str) -> str:
    sim = source_table(settings)
    head = (
        f'gateway = "{gateway}"\nclock = "system"\ndata_dir = "edge-data"\n\n'
        f'[broker]\n\n[[source]]\nname = "load"\nkind = "sim"\n\n[source.settings]\n{sim}'
    )
    channels = (
        f'\n[[channel]]\nid = "{channel}"\nsource = "load"\ninput = "{channel}"\n'
        f"rate_hz = {settings.rate_hz!r}\nwindow_samples = {settings.chunk_samples}\n"
        f'calibration = {{id = "load", date = "2026-01-15", scale = {SCALE_M_S2!r}, offset = 0.0}}\n'
        for channel in settings.channels
    )
    return head + "".join(channels)
