"""Hashes of what a run was begun with: other when anything is, the same when nothing is."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from medsiam.cases import read_case_table
from medsiam.errors import CaseTableError
from medsiam.preprocessing import Recipe
from medsiam.training.dataset import prepare_rows
from medsiam.training.inputs import data_hash, masks_hash, weights_hash
from tests.training.bodies import write_bodies
from tests.training.shapes import write_cases


def test_data_hash_changes_with_pixels_and_split(tmp_path):
    table = write_cases(tmp_path, patients=2)

    def prepared(rows):
        recipe = Recipe(spatial_dims=2, spatial_size=(24, 24))
        return prepare_rows(read_case_table(table).rows[rows], recipe, advance=lambda: None)

    first, second = prepared(slice(0, 6)), prepared(slice(6, 12))
    reference = data_hash([first, second])
    assert data_hash([prepared(slice(0, 6)), second]) == reference
    assert data_hash([second, first]) != reference
    Image.fromarray(np.full((24, 24), 9, np.uint8)).save(tmp_path / "bar-0-0.png")
    assert data_hash([prepared(slice(0, 6)), second]) != reference


def test_masks_hash_is_of_the_files_in_order(tmp_path):
    rows = read_case_table(write_bodies(tmp_path)).rows
    whole = b"".join(hashlib.sha256(row.mask_path.read_bytes()).digest() for row in rows)
    assert masks_hash(rows) == hashlib.sha256(whole).hexdigest()
    assert masks_hash(rows[::-1]) != masks_hash(rows)
    with pytest.raises(CaseTableError, match=r"line 2: .* has no mask_path"):
        masks_hash([replace(rows[0], mask_path=None)])
    rows[1].mask_path.unlink()
    with pytest.raises(CaseTableError, match=r"line 3: the mask .* cannot be read"):
        masks_hash(rows)


def test_weights_hash_sees_names_values_and_types():
    weights = {"a": torch.zeros(2, 3), "b": torch.tensor(4)}
    expected = hashlib.sha256(
        b"a torch.float32 (2, 3)\n" + bytes(24) + b"b torch.int64 ()\n" + (4).to_bytes(8, "little")
    ).hexdigest()
    assert weights_hash(weights) == weights_hash(dict(reversed(weights.items()))) == expected
    nudged = torch.zeros(2, 3)
    nudged[1, 2] = 1e-30
    assert weights_hash({**weights, "a": nudged}) != expected
    assert weights_hash({**weights, "a": torch.zeros(3, 2)}) != expected
