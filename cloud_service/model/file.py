"""A model as a file: a line that names the format, a hash, and arrays of numbers. Nothing in it is ever executed.

    telltale-life-model 1
    sha256 of the rest, 64 hexadecimal digits
    msgpack of (card, model), arrays as `cloud_service.analyse.state_codec` packs them

The hash finds damage, not malice: a file that somebody made by hand is held to sizes, shapes and ranges as well.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from cloud_service.analyse.state_codec import decode_state, encode_state
from cloud_service.model.card import Card
from models.remaining_life import LifeModel, wrong_with_model
from telltale.durable_file import PUBLIC, write_durably
from telltale.errors import FatalError, UserError

FORMAT = b"telltale-life-model "
VERSION = b"1"
MAX_BYTES = 64 * 1024 * 1024
SHORTEST_ROW_S, LONGEST_ROW_S = 1e-3, 1e9
_HASH_CHARS = 64


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file holds."""

    card: Card
    model: LifeModel


class Loaded(msgspec.Struct, frozen=True):
    """A model that passed every check, and the hash that names it."""

    card: Card
    model: LifeModel
    sha256: str


def save_model(path: Path, card: Card, model: LifeModel) -> str:
    """Write the file, whole or not at all; returns its hash."""
    body = encode_state(ModelFile(card, model))
    digest = hashlib.sha256(body).hexdigest()
    write_durably(path, FORMAT + VERSION + b"\n" + digest.encode() + b"\n" + body, PUBLIC)
    return digest


def load_model(path: Path) -> Loaded:
    """Read a model.

    Raises:
        UserError: naming the file and what is wrong with it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror})", "give a file that telltale model train wrote"
        ) from None
    return read_model(data, str(path))


def read_model(data: bytes, where: str) -> Loaded:
    """The model in `data`; `where` names it in errors (see `load_model`)."""
    if len(data) > MAX_BYTES:
        raise _refused(where, f"more than {MAX_BYTES} bytes")
    head, _, rest = data.partition(b"\n")
    if not head.startswith(FORMAT):
        raise _refused(where, "not a remaining-life model")
    if head != FORMAT + VERSION:
        version = head[len(FORMAT) :][:20].decode("latin-1")
        raise _refused(where, f"format version {version!r}, this program reads {VERSION.decode()}")
    digest, body = rest[:_HASH_CHARS].decode("latin-1"), rest[_HASH_CHARS + 1 :]
    if rest[_HASH_CHARS : _HASH_CHARS + 1] != b"\n" or hashlib.sha256(body).hexdigest() != digest:
        raise _refused(where, "damaged: its hash does not match")
    return _checked(body, digest, where)


def _checked(body: bytes, digest: str, where: str) -> Loaded:
    try:
        file = decode_state(body, ModelFile)
    except FatalError as error:
        raise _refused(where, str(error)) from None
    wrong = _wrong_card(file) or wrong_with_model(file.model)
    if wrong:
        raise _refused(where, wrong)
    return Loaded(file.card, file.model, digest)


def _wrong_card(file: ModelFile) -> str:
    card, model = file.card, file.model
    if len(card.indicators) != model.low.size or len(card.ranges) != model.low.size:
        return f"its card names {len(card.indicators)} indicators, the model reads {model.low.size}"
    if len(card.conditions) != model.conditions.mean.size:
        return f"its card names {len(card.conditions)} conditions, the model reads {model.conditions.mean.size}"
    if not SHORTEST_ROW_S <= card.spacing * card.unit_s <= LONGEST_ROW_S:
        return f"rows {card.spacing * card.unit_s:g} s apart"
    return ""


def _refused(where: str, why: str) -> UserError:
    return UserError(f"{where}: {why}", "give a file that telltale model train wrote")
