"""Histories for training: finite and in order, or one `UserError`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from cloud_service.model.histories import Layout, read_histories
from telltale.errors import UserError


def target(data: bytes) -> None:
    event = "failed" if data[:1] == b"\1" else ""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "h.csv"
        file.write_bytes(data[1:])
        try:
            found = read_histories(file, Layout("asset", "time", event, (), 86400.0))
        except UserError:
            return
    histories = found.histories
    assert histories.values.shape == (len(histories.age), len(found.names))
    assert np.isfinite(histories.values).all()
    assert (histories.age > 0).all()
    assert (histories.left >= 0).all()
