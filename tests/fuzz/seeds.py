"""Write the seeds of the corpus, from real frames, settings and files: `python -m tests.fuzz.seeds`."""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np

from cloud_service.analyse.state_codec import encode_state
from cloud_service.model.file import ModelFile
from models.local_conformal import Errors
from telltale.readings import SAMPLE_DTYPES
from telltale.wire import body
from telltale.wire.ack import StoredAck, encode_stored
from tests.cloud_service.model.trained import QUICK, tilt_csv, trained_on
from tests.fuzz.strategies import CORPUS, RUN, good_frame

ROOT = Path(__file__).parents[2]
TOA5 = (
    '"TOA5","tower","CR1000","1","std","prog","1","table"\n"TIMESTAMP","RECORD","strain"\n"TS","RN","microstrain"\n"","","Smp"\n'
    '"2026-01-31 12:00:00",1,1.5\n"2026-01-31 12:00:00.5",2,"NAN"\n'
)
CSV = "when;width (mm)\n2026-01-31T12:00:00+09:00;0,25\n2026-01-31T12:00:01+09:00;0,26\n"
EPOCHS = "t,a,b\n1767225600.5,1,x\n1767225601.5,,y\n"
HEALTH = (
    b'{"at_ns":1767225600000000000,"version":"1.0","backlog_frames":3,"hours_left":12.5,"clock_quality":2,'
    b'"inputs":[{"channel":"bridge.az","alive":true,"last_ns":5,"last_value":1.5,"samples":9}],"errors":["x"]}'
)


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, t=np.arange(4.0), a=np.arange(4, dtype=np.int16), b=np.array([1.0, np.nan, 2.0, np.inf]))
    return file.getvalue()


def _text(words: str) -> bytes:
    data = words.encode()
    return bytes([len(data)]) + data


def _life_model() -> bytes:
    """A model of few nodes: its file without format line and hash."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "h.csv"
        file.write_text(tilt_csv())
        few = msgspec.structs.replace(QUICK, trees=3, leaves=3)
        card, model = trained_on(file, few)
    # A hash of data and a day of training would change every time that seeds are written.
    card = msgspec.structs.replace(card, made="2026-01-31", made_by="seeds")
    thin = Errors(model.errors.at[::16], model.errors.quantiles[::16])
    return encode_state(ModelFile(card, msgspec.structs.replace(model, errors=thin)))


def _seeds() -> Iterator[tuple[str, str, bytes]]:
    rng = random.Random(7)
    for index, dtype in enumerate(SAMPLE_DTYPES):
        yield "body", dtype, bytes([index, 30, 0, 0]) + body.encode(np.arange(30).astype(dtype))
    for index in range(4):
        yield "frame", f"good-{index}", good_frame(rng)
    yield "health", "health", HEALTH
    yield "histories", "tilts", b"\0" + "\n".join(tilt_csv().splitlines()[:60]).encode()
    yield "histories", "failed", b"\1" + b"asset,time,failed,a\nx,2026-01-31T12:00:00,,1.5\nx,2026-02-01,1,2\ny,7,0,3\n"
    yield "life_model", "small", _life_model()
    yield "health", "status", b'{"state":"online","at_ns":5,"run_id":"00ff"}'
    for index in range(4):
        yield "journal", f"entries-{index}", rng.randbytes(80)
        yield "line_protocol", f"rows-{index}", bytes([index * 3]) + rng.randbytes(200)
    yield "loggerfile", "toa5", b"\0\0\0" + TOA5.encode()
    yield "loggerfile", "csv", b"\0\1\1" + CSV.encode()
    yield "loggerfile", "epochs", b"\0\0\2" + EPOCHS.encode()
    yield "loggerfile", "npz", b"\0\0\2" + _npz()
    yield "loggerfile", "npz-rate", b"\1\0\0" + _npz()
    names = ("Alarm: Dam: a crack grows", "text", "<p>html</p>")
    for index, name in enumerate(("Ada", "=?utf-8?q?x=0D=0ABcc:_victim@example.org?=", 'é "\\ (, <a@b>')):
        words = b"".join(map(_text, (*names, *[]))) + b"\1" + _text(name) + _text("a@b.org") + b"\1\2"
        yield "mail", f"names-{index}", words + (_text(name) + _text("ada@example.org") + b"\1") * 3 + _text(name) * 2
    yield "stored", "ack", encode_stored(StoredAck(RUN, 5, ((7, 9), (11, 11)), ((6, "bad_body", "why"),)))
    yield "settings", "site", b"\0" + (ROOT / "deploy" / "site.toml").read_bytes()
    yield "settings", "edge", b"\1" + (ROOT / "deploy" / "edge.toml").read_bytes()
    yield "settings", "cloud", b"\2" + (ROOT / "deploy" / "cloud.toml").read_bytes()
    yield (
        "settings",
        "cloud-known",
        b"\2" + b'site = "known-site.toml"\n[store]\nkind = "influxdb"\n[serve]\nport = 80\n',
    )
    yield "settings", "edge-sim", b"\1" + (resources.files("sensors_sim") / "site" / "edge.toml").read_bytes()


def main() -> None:
    for target, name, data in _seeds():
        path = CORPUS / target / f"seed-{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
