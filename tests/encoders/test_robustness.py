"""Changes of scans: small, repeatable, of the same shape, and what they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.cases import read_case_table
from medsiam.encoders.baselines.networks import random_encoder
from medsiam.encoders.robustness import PERTURBATIONS, UNCHANGED, embed_perturbed
from medsiam.errors import ScanError
from medsiam.scans.scan import Scan
from tests.training.shapes import write_cases


def scan(dims=2, colour=False):
    """A bright square off the centre, or a box."""
    values = np.zeros((40,) * dims, np.float32)
    values[(slice(8, 20), slice(12, 24), *[slice(5, 30)] * (dims - 2))] = 100
    values += np.random.default_rng(0).random(values.shape, np.float32)
    array = np.stack([values] * 3, axis=-1) if colour else values
    return Scan(array=array, spatial_dims=dims)


def centre(values):
    places = np.mgrid[: values.shape[0], : values.shape[1]]
    return np.array([np.average(axis, weights=values) for axis in places])


def changed(name, own, seed=0):
    return PERTURBATIONS[name](own, np.random.default_rng(seed))


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("kind", [(2, False), (2, True), (3, False)])
def test_a_change_keeps_shape_and_repeats(name, kind):
    own = scan(*kind)
    found = changed(name, own)
    assert found.array.shape == own.array.shape
    assert found.array.dtype == np.float32
    assert np.isfinite(found.array).all()
    assert not np.array_equal(found.array, own.array)
    np.testing.assert_array_equal(found.array, changed(name, own).array)
    apart = np.abs(found.array - own.array).mean()
    assert apart < 15  # of 100


def test_each_change_is_what_it_says():
    own = scan()
    middle = np.array([19.5, 19.5])
    shift = centre(changed("shifted by 5 %", own).array) - centre(own.array)
    np.testing.assert_allclose(np.abs(shift), 2, atol=0.25)
    before, after = centre(own.array) - middle, centre(changed("rotated by 10 degrees", own).array)
    after = after - middle
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert np.rad2deg(np.arccos(cosine)) == pytest.approx(10, abs=1.5)
    grown = (changed("zoomed by 10 %", own).array > 50).sum() / (own.array > 50).sum()
    assert grown == pytest.approx(1.21, abs=0.1)
    noise = changed("noise of 5 %", own).array - own.array
    assert noise.std() == pytest.approx(5, rel=0.1)
    gamma = changed("gamma 1.4", own).array
    assert (gamma.min(), gamma.max()) == pytest.approx((own.array.min(), own.array.max()), abs=1e-3)
    assert gamma.mean() < own.array.mean()
    flat = Scan(array=np.ones((8, 8), np.float32), spatial_dims=2)
    np.testing.assert_array_equal(changed("gamma 1.4", flat).array, flat.array)


def test_rows_are_embedded_before_and_after(tmp_path):
    rows = read_case_table(write_cases(tmp_path, patients=1, scans=1)).rows
    encoder = random_encoder(2)
    seen = []
    found = embed_perturbed(rows, encoder, random_state=0, advance=lambda: seen.append(1))
    assert list(found.embeddings) == [UNCHANGED, *PERTURBATIONS]
    assert {values.shape for values in found.embeddings.values()} == {(3, 512)}
    assert len(seen) == 3 * (1 + len(PERTURBATIONS))
    again = embed_perturbed(rows, encoder, random_state=0)
    for name, values in found.embeddings.items():
        np.testing.assert_array_equal(values, again.embeddings[name])
    with pytest.raises(ScanError, match="no scan"):
        embed_perturbed([], encoder, random_state=0)
