"""A remaining-life model's file under a hash that fits: a model whose answers are numbers, or one `UserError`."""

from __future__ import annotations

import hashlib

import numpy as np

from cloud_service.analyse.state_codec import encode_state
from cloud_service.model.card import card_text
from cloud_service.model.file import FORMAT, VERSION, ModelFile, read_model
from models.remaining_life import life_left, means_after, outside
from telltale.errors import UserError


def target(data: bytes) -> None:
    digest = hashlib.sha256(data).hexdigest().encode()
    try:
        loaded = read_model(FORMAT + VERSION + b"\n" + digest + b"\n" + data, "fuzz.model")
    except UserError as error:
        assert "fuzz.model" in str(error)
        return
    model = loaded.model
    assert card_text(loaded.card, loaded.sha256).replace("\n", "").isprintable()
    encode_state(ModelFile(loaded.card, model))
    row = model.conditions.indicator_mean[0]
    conditions = model.conditions.centres[0] * model.conditions.sd + model.conditions.mean
    outside(model, row, conditions, 1.0)
    left = life_left(model, means_after(model, model.new_memory(), row, conditions)[None], np.array([1.0]))
    assert np.isfinite(left.expected).all()
    assert np.isfinite(left.quantiles).all()
