"""The file of a model: what was saved is what is loaded, and nothing else passes."""

from __future__ import annotations

import hashlib
import sys
from subprocess import run

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_service.analyse.state_codec import encode_state
from cloud_service.model.file import FORMAT, MAX_BYTES, ModelFile, load_model, read_model, save_model
from telltale.errors import UserError
from tests.cloud_service.model.trained import tilting_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tilt.model"
    save_model(path, tilting_model().card, tilting_model().model)
    return path


def under_a_hash(file: ModelFile) -> bytes:
    body = encode_state(file)
    return FORMAT + b"1\n" + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def test_what_was_saved_is_loaded(saved):
    loaded = load_model(saved)
    assert loaded.card == tilting_model().card
    assert encode_state(loaded.model) == encode_state(tilting_model().model)
    assert loaded.sha256.encode() == saved.read_bytes().splitlines()[1]


def test_loading_needs_no_scikit_learn(saved):
    code = (
        "import sys; from pathlib import Path; from cloud_service.model.file import load_model;"
        " import cloud_service.analyse.life_models;"
        f" load_model(Path({str(saved)!r})); sys.exit(any(name.startswith('sklearn') for name in sys.modules))"
    )
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_errors_name_the_file_and_what_is_wrong(tmp_path, saved):
    data = saved.read_bytes()
    cases = {
        "not a remaining-life model": b"PK\x03\x04" + data,
        "format version": data.replace(b"model 1", b"model 2", 1),
        "hash": data[:-1],
        "not a remaining": b"",
    }
    for why, content in cases.items():
        file = tmp_path / "broken.model"
        file.write_bytes(content)
        with pytest.raises(UserError, match=why) as error:
            load_model(file)
        assert "broken.model" in str(error.value)
    with pytest.raises(UserError, match="No such file"):
        load_model(tmp_path / "absent.model")
    with pytest.raises(UserError, match="bytes"):
        read_model(bytes(MAX_BYTES + 1), "large.model")


def test_a_card_of_another_model_is_refused():
    loaded = tilting_model()
    card = msgspec.structs.replace(loaded.card, indicators=("a", "b"))
    with pytest.raises(UserError, match="names 2 indicators"):
        read_model(under_a_hash(ModelFile(card, loaded.model)), "x")
    card = msgspec.structs.replace(loaded.card, spacing=1e9)
    with pytest.raises(UserError, match=r"rows 8\.64e\+13 s apart"):
        read_model(under_a_hash(ModelFile(card, loaded.model)), "x")


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 2**20), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_with_a_hash_that_fits_gives_one_error_or_finite_numbers(at, byte, cut):
    body = bytearray(encode_state(ModelFile(tilting_model().card, tilting_model().model)))
    body[at % len(body)] = byte
    data = bytes(body[: at % len(body)]) if cut else bytes(body)
    digest = hashlib.sha256(data).hexdigest().encode()
    try:
        model = read_model(FORMAT + b"1\n" + digest + b"\n" + data, "x").model
    except UserError as error:
        assert str(error).startswith("x: ")
        return
    assert np.isfinite(model.errors.quantiles).all()
