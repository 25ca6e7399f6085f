from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from medsiam.encoders import Architecture
from medsiam.encoders.fingerprint import fingerprint
from medsiam.preprocessing import Recipe

TENSORS = {
    "b.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "a": torch.tensor(4),
}
ARCHITECTURE = Architecture(spatial_dims=2, backbone="resnet10", width=0.5)
RECIPE = Recipe(spatial_dims=2, spatial_size=(32, 32))


def test_against_the_definition():
    digest = hashlib.sha256()
    digest.update(b"a|int64|()|" + np.array(4, "<i8").tobytes())
    digest.update(b"b.weight|float32|(2, 3)|" + np.arange(6, dtype="<f4").tobytes())
    digest.update(b'{"spatial_dims":2,"spatial_size":[32,32]}')
    digest.update(b'{"backbone":"resnet10","spatial_dims":2,"width":0.5}')
    assert fingerprint(TENSORS, ARCHITECTURE, RECIPE) == digest.hexdigest()


def test_order_and_layout_of_tensors_do_not_matter():
    turned = dict(reversed(TENSORS.items()))
    turned["b.weight"] = turned["b.weight"].T.contiguous().T
    assert fingerprint(turned, ARCHITECTURE, RECIPE) == fingerprint(TENSORS, ARCHITECTURE, RECIPE)


@pytest.mark.parametrize(
    ("tensors", "architecture", "recipe"),
    [
        (TENSORS | {"a": torch.tensor(5)}, {}, {}),
        (TENSORS | {"a": torch.tensor(4, dtype=torch.int32)}, {}, {}),
        (TENSORS | {"b.weight": TENSORS["b.weight"].reshape(3, 2)}, {}, {}),
        ({"b.weight": TENSORS["b.weight"], "c": TENSORS["a"]}, {}, {}),
        (TENSORS, {"width": 0.25}, {}),
        (TENSORS, {"normalize": False}, {}),
        (TENSORS, {}, {"intensity": "zscore"}),
        (TENSORS, {}, {"spacing": (1.0, 1.0)}),
    ],
)
def test_any_change_changes_it(tensors, architecture, recipe):
    changed = fingerprint(
        tensors, ARCHITECTURE.model_copy(update=architecture), RECIPE.model_copy(update=recipe)
    )
    assert changed != fingerprint(TENSORS, ARCHITECTURE, RECIPE)
