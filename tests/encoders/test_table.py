from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from medsiam.cases import CaseRow
from medsiam.encoders import (
    Architecture,
    Encoder,
    embed_case_rows,
    new_encoder,
    pixel_embeddings,
)
from medsiam.errors import UsageError
from medsiam.preprocessing import Recipe, prepare
from medsiam.scans import read_scan


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return new_encoder(
        Architecture(spatial_dims=2, backbone="resnet10", embedding_dim=8, width=0.125),
        Recipe(spatial_dims=2, spatial_size=(32, 32)),
        name="test",
        licence="CC0-1.0",
    )


@pytest.fixture
def rows(tmp_path) -> list[CaseRow]:
    """Seven images; the fourth path leads nowhere and the sixth file is text."""
    rng = np.random.default_rng(0)
    made = []
    for n in range(7):
        path = tmp_path / f"{n}.png"
        if n == 5:
            path.write_text("no image")
        elif n != 3:
            Image.fromarray(rng.integers(0, 255, (30 + n, 40), dtype=np.uint8)).save(path)
        made.append(row(path, n + 2))
    return made


def row(path: Path, line: int) -> CaseRow:
    return CaseRow(
        row=line, path=path, path_text=path.name, condition="c", case_id=path.stem, patient_id="P7"
    )


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_order_is_kept_and_faulty_rows_are_left_out(rows, encoder, batch_size):
    steps = []
    result = embed_case_rows(rows, encoder, batch_size=batch_size, advance=lambda: steps.append(1))
    good = [r for r in rows if r.row not in (5, 7)]
    assert result.paths == tuple(r.path_text for r in good)
    expected = encoder.embed([read_scan(r.path) for r in good])
    np.testing.assert_allclose(result.embeddings, expected, atol=1e-5)
    assert [(f.row, f.path) for f in result.failures] == [(5, "3.png"), (7, "5.png")]
    assert all(f.code and f.message and "P7" not in f.message for f in result.failures)
    assert len(steps) == 7


def test_a_scan_without_a_finite_embedding_costs_only_itself(rows, encoder, monkeypatch):
    bad = prepare(read_scan(rows[1].path), encoder.recipe)

    def embed(batch, network=encoder.network):
        found = type(network).forward(network, batch)
        found[(batch == bad).flatten(1).all(dim=1)] = torch.nan
        return found

    monkeypatch.setattr(encoder.network, "forward", embed)
    result = embed_case_rows(rows, encoder, batch_size=4)
    assert result.paths == ("0.png", "2.png", "4.png", "6.png")
    assert [(f.row, f.code) for f in result.failures if f.path == "1.png"] == [(3, "not_finite")]
    assert [f.row for f in result.failures] == [3, 5, 7]


def test_the_pixel_baseline(rows):
    result = embed_case_rows(rows, None, batch_size=3)
    expected = pixel_embeddings([read_scan(r.path) for r in rows if r.row not in (5, 7)])
    np.testing.assert_array_equal(result.embeddings, expected)


def test_a_volume_among_images_is_a_mismatch(rows, encoder, tmp_path):
    nib.save(nib.Nifti1Image(np.random.rand(8, 8, 8), np.eye(4)), tmp_path / "v.nii.gz")
    mixed = [rows[0], row(tmp_path / "v.nii.gz", 9), rows[1]]
    for by in (encoder, None):
        result = embed_case_rows(mixed, by)
        assert result.paths == ("0.png", "1.png")
        (failure,) = result.failures
        assert (failure.row, failure.code) == (9, "mismatch")
        assert "2D" in failure.message
        assert "3D" in failure.message


def test_all_rows_faulty_and_no_rows(rows, encoder):
    for some in ([rows[3], rows[5]], []):
        result = embed_case_rows(some, encoder)
        assert result.paths == ()
        assert result.embeddings.shape == (0, 8)
        assert len(result.failures) == len(some)


def test_batch_size_is_checked(rows, encoder):
    with pytest.raises(UsageError, match="batch_size"):
        embed_case_rows(rows, encoder, batch_size=0)
