"""A block's body: never more samples than declared, never another error than `RejectedError`; good ones survive."""

from __future__ import annotations

from telltale.errors import RejectedError
from telltale.readings import SAMPLE_DTYPES
from telltale.wire import body
from tests.fuzz.draw import Draw


def target(data: bytes) -> None:
    draw = Draw(data)
    dtype, count = draw.choice(SAMPLE_DTYPES), draw.number(3)
    packed = draw.rest()
    try:
        samples = body.decode(packed, dtype, count)
    except RejectedError:
        return
    assert samples.shape == (count,)
    assert samples.dtype.name == dtype
    again = body.decode(body.encode(samples), dtype, count)
    assert again.tobytes() == samples.tobytes()
