"""`telltale replay FILE --gateway ID …`: an agent's settings made from a file's columns and the command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from edge_agent.settings import ChannelSettings, EdgeSettings, SourceSettings, check_edge
from telltale.broker import BrokerSettings
from telltale.errors import UserError
from telltale.loggerfile import ReadOptions, open_logger_file
from telltale.settings import convert
from telltale.topics import is_name

NOT_IN_NAMES = re.compile(r"[^a-z0-9_.\-]+")
SOURCE = "file"


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """The options for a file without an `edge.toml`."""
    add = parser.add_argument
    add("file", nargs="?", type=Path, metavar="FILE", help="TOA5, CSV or npz; each column becomes a channel")
    add("--gateway", default="", help="gateway id (with FILE)")
    add("--broker", default="127.0.0.1:1883", metavar="HOST:PORT")
    add("--data-dir", default="replay-data", help="where the outbox is kept (default replay-data)")
    add("--prefix", default="", help="before each column's name, to make the channel id (default: the gateway id)")
    add("--column", action="append", default=[], metavar="NAME", help="only this column; may be repeated")
    add("--time", default="", metavar="NAME", help="time column, where it is not found by itself")
    add("--rate-hz", type=float, help="samples a second, for waveforms and files without times")
    add("--start", default="", metavar="ISO", help="UTC of the first sample (with --rate-hz)")
    add("--window", type=int, default=1024, metavar="SAMPLES", help="samples a window (with --rate-hz; default 1024)")
    add("--utc-offset", type=float, default=0.0, metavar="HOURS", help="of the logger's clock")
    add("--speed", type=float, default=0.0, help="recorded seconds a second; 0 (default): as fast as it is taken")


def settings_for_file(use: argparse.Namespace) -> EdgeSettings:
    """The settings for the parsed options.

    Raises:
        UserError: no gateway, or a file, broker address or name that cannot be used.
    """
    if not is_name(use.gateway):
        raise UserError(f"--gateway {use.gateway!r}", "expected an id such as gw-riverside")
    options = ReadOptions(time=use.time, rate_hz=use.rate_hz, columns=tuple(use.column))
    columns = tuple(open_logger_file(use.file, options).units)
    source = SourceSettings(name=SOURCE, kind="replay", settings=_source_settings(use))
    settings = EdgeSettings(
        gateway=use.gateway,
        clock="data",
        data_dir=use.data_dir,
        broker=_broker(use.broker),
        source=(source,),
        channel=tuple(_channel(use, name) for name in columns),
    )
    check_edge(settings, str(use.file))
    return settings


def _source_settings(use: argparse.Namespace) -> dict[str, object]:
    settings: dict[str, object] = {
        "path": str(use.file.resolve()),
        "time": use.time,
        "columns": tuple(use.column),
        "start": use.start,
        "speed": use.speed,
        "utc_offset_h": use.utc_offset,
    }
    return settings | ({"rate_hz": use.rate_hz} if use.rate_hz else {})


def _channel(use: argparse.Namespace, column: str) -> ChannelSettings:
    slug = NOT_IN_NAMES.sub("_", column.lower()).strip("_") or "column"
    windows = {"rate_hz": use.rate_hz, "window_samples": use.window} if use.rate_hz else {}
    channel = {"id": f"{use.prefix or use.gateway}.{slug}", "source": SOURCE, "input": column, **windows}
    return convert(channel, ChannelSettings, f"{use.file}: column {column!r}")


def _broker(address: str) -> BrokerSettings:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--broker {address!r}", "expected HOST:PORT, such as 127.0.0.1:1883")
    return convert({"host": host, "port": int(port)}, BrokerSettings, "--broker")
