"""Readers of logger files: any file is a recording or one `UserError`; a recording is whole."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from telltale.errors import UserError
from telltale.loggerfile import read_logger_file
from tests.fuzz.draw import Draw

RATES = (None, 100.0, 1e-3)
OFFSETS_H = (0.0, 9.0, -12.0)
TIMES = ("", "when", "t")


@cache
def _path() -> Path:
    return Path(tempfile.mkdtemp(prefix="telltale-fuzz-")) / "readings"


def target(data: bytes) -> None:
    draw = Draw(data)
    rate_hz, offset_h, time = draw.choice(RATES), draw.choice(OFFSETS_H), draw.choice(TIMES)
    _path().write_bytes(draw.rest())
    try:
        found = read_logger_file(_path(), time=time, rate_hz=rate_hz, utc_offset_h=offset_h)
    except UserError:
        return
    for column in found.columns.values():
        assert column.values.dtype == np.float64
        assert column.times_ns.dtype == np.int64
        assert column.times_ns.shape == column.values.shape
        assert not np.isinf(column.values).any()
