from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from medsiam import ReferenceBank
from medsiam.comparison import check_takes_regions, compare, compare_region, crop_region
from medsiam.comparison.region import _same_share
from medsiam.encoders import Architecture, new_encoder
from medsiam.errors import EncoderError, UsageError
from medsiam.preprocessing import Recipe
from medsiam.scans.scan import Scan

RECIPE = Recipe(spatial_dims=2, spatial_size=(32, 32))


def spotted(rng, place, sign) -> Scan:
    """Noise with one spot, bright or dark, in one of two places."""
    array = rng.normal(0, 0.05, (64, 64)).astype(np.float32)
    x, y = np.mgrid[:64, :64]
    array += sign * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 40).astype(np.float32)
    return Scan(array, 2, modality="CR", spacing=(1.0, 1.0))


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    encoder = new_encoder(
        Architecture(spatial_dims=2, backbone="resnet10", width=0.25, embedding_dim=16),
        RECIPE,
        name="tiny",
        licence="CC0-1.0",
    )
    bank = ReferenceBank.create(tmp_path_factory.mktemp("region") / "bank", encoder)
    rng = np.random.default_rng(0)
    for number in range(8):
        for name, sign in (("bright", 1), ("dark", -1)):
            bank.add(
                spotted(rng, (16, 16), sign),
                case_id=f"{name}-{number}",
                condition=name,
                patient_id=f"{name} {number}",
                proof="consensus",
            )
    return bank


@pytest.mark.parametrize("shape", [(9, 8, 7), (9, 8, 7, 3)])
def test_a_crop_keeps_every_voxel_where_it_is_in_the_patient(shape):
    rng = np.random.default_rng(1)
    affine = np.eye(4)
    affine[:3] = rng.normal(size=(3, 4))
    scan = Scan(rng.random(shape, np.float32), 3, affine=affine, modality="MR")
    found = crop_region(scan, [(2, 6), (0, 8), (3, 5)])
    np.testing.assert_array_equal(found.array, scan.array[2:6, 0:8, 3:5])
    for voxel in ((0, 0, 0), (3, 7, 1)):
        before = affine @ [voxel[0] + 2, voxel[1], voxel[2] + 3, 1]
        np.testing.assert_allclose(found.affine @ [*voxel, 1], before, atol=1e-12)
    assert (found.modality, found.spacing) == ("MR", scan.spacing)


def test_the_same_share_of_every_phase():
    scans = [Scan(np.zeros((20, 10), np.float32), 2), Scan(np.zeros((40, 30), np.float32), 2)]
    assert _same_share([(5, 10), (2, 4)], scans[0], scans[1]) == [(10, 20), (6, 12)]


def test_the_region_decides_between_two_spots(bank):
    """One query has a bright spot here and a dark one there: each box finds its own condition."""
    rng = np.random.default_rng(2)
    one, other = spotted(rng, (16, 16), 1), spotted(rng, (48, 48), -1)
    query = replace(one, array=one.array + other.array)
    here = compare_region(query, [(4, 28), (4, 28)], bank)
    there = compare_region(query, [(36, 60), (36, 60)], bank)
    distance = lambda found, name: next(  # noqa: E731
        entry.distance for entry in found.conditions if entry.condition == name
    )
    assert distance(here, "bright") - distance(here, "dark") < 0
    assert distance(here, "bright") - distance(here, "dark") < distance(there, "bright") - distance(
        there, "dark"
    )


def test_the_whole_scan_as_a_box_ranks_as_the_scan_does(bank):
    query = spotted(np.random.default_rng(3), (16, 16), -1)
    whole, plain = compare_region(query, [(0, 64), (0, 64)], bank), compare(query, bank)
    assert [m.case_id for m in whole.matches] == [m.case_id for m in plain.matches]
    assert [m.distance for m in whole.matches] == pytest.approx(
        [m.distance for m in plain.matches], abs=1e-5
    )
    assert whole.notes[0].startswith("only the chosen region")
    assert whole.probability_reason == whole.notes[0]
    assert whole.query.content_hashes == plain.query.content_hashes


def test_the_query_itself_never_answers_by_its_region(bank):
    kept = bank.scans("bright-3")[0]
    found = compare_region(kept, [(0, 40), (0, 40)], bank, k=50)
    assert "bright-3" not in {match.case_id for match in found.matches}


@pytest.mark.parametrize(
    "box",
    [
        [(0, 0), (0, 5)],
        [(5, 4), (0, 5)],
        [(-1, 4), (0, 5)],
        [(3, 4), (0, 5)],
        [(0, 65), (0, 5)],
        [(0, 5)],
    ],
)
def test_a_box_that_holds_nothing_or_leaves_the_scan(bank, box):
    with pytest.raises(UsageError, match="region"):
        compare_region(spotted(np.random.default_rng(0), (9, 9), 1), box, bank)


@pytest.mark.parametrize("backbone", ["anatomy", "shape"])
def test_measures_of_whole_structures_take_no_region(backbone):
    card = SimpleNamespace(name="x", architecture=SimpleNamespace(backbone=backbone))
    with pytest.raises(EncoderError, match="compare the whole scan"):
        check_takes_regions(card)
