"""Prepared scans: right rows, right order, every fault named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from medsiam.cases import read_case_table
from medsiam.errors import CaseTableError
from medsiam.preprocessing import Recipe
from medsiam.training.dataset import prepare_parts, prepare_rows
from tests.training.shapes import write_cases

RECIPE = Recipe(
    spatial_dims=2, spatial_size=(24, 24), intensity="window", intensity_range=(0.0, 255.0)
)


def prepared(table, rows=slice(None)):
    calls = []
    scans = prepare_rows(read_case_table(table).rows[rows], RECIPE, advance=lambda: calls.append(1))
    assert len(calls) == len(scans.rows)
    return scans


def test_tensors_are_the_files_in_table_order(tmp_path):
    scans = prepared(write_cases(tmp_path, patients=2))
    assert scans.tensors.shape == (12, 1, 24, 24)
    assert scans.tensors.dtype == torch.float32
    assert scans.megabytes == pytest.approx(12 * 24 * 24 * 4 / 1e6)
    for row, tensor in zip(scans.rows, scans.tensors, strict=True):
        pixels = np.asarray(Image.open(row.path), dtype=np.float32) / 255
        np.testing.assert_allclose(tensor[0].numpy(), pixels.T, atol=1e-6)  # axes (x, y)
        assert row.path.name.startswith(row.condition)


def test_parts_are_their_rows_and_their_faults_are_named_together(tmp_path):
    table = write_cases(tmp_path, patients=2, scans=1)
    rows = read_case_table(table).rows
    named = {"training": rows[4:], "validation": rows[:4]}
    parts = prepare_parts(named, RECIPE, advance=lambda: None)
    whole = prepared(table)
    assert parts["validation"].rows == rows[:4]
    assert torch.equal(parts["training"].tensors, whole.tensors[4:])
    assert parts["training"].content_hashes == whole.content_hashes[4:]
    for row in (rows[0], rows[5]):
        row.path.write_bytes(b"")
    with pytest.raises(CaseTableError, match=r"2 of 6 .*line 7.*line 2"):
        prepare_parts(named, RECIPE, advance=lambda: None)


def test_every_unreadable_row_is_named(tmp_path):
    table = write_cases(tmp_path, patients=2, scans=1)
    (tmp_path / "disc-1-0.png").write_bytes(b"not an image")
    (tmp_path / "bar-0-0.png").write_bytes(b"")
    with pytest.raises(CaseTableError) as caught:
        prepared(table)
    message = str(caught.value)
    assert message.startswith("2 of 6 scans cannot be used")
    assert "line 2:" in message
    assert "bar-0-0.png" in message
    assert "line 5:" in message
    assert "disc-1-0.png" in message
    assert "secret" not in message


def test_scans_of_the_wrong_dimension_are_named(tmp_path):
    table = read_case_table(write_cases(tmp_path, patients=1, scans=1))
    recipe = Recipe(spatial_dims=3, spatial_size=(8, 8, 8))
    with pytest.raises(CaseTableError, match=r"3 of 3 .* 2D"):
        prepare_rows(table.rows, recipe, advance=lambda: None)
