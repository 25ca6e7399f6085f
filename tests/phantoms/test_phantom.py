from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import UsageError
from medsiam.phantoms.lesions import CONDITIONS, UNSEEN_CONDITIONS
from medsiam.phantoms.phantom import Phantom, make_phantom


def phantom(
    condition: str = "crescent", *, dims: int = 2, patient: str = "p", seed: int = 0, study: int = 0
) -> Phantom:
    return make_phantom(
        condition, spatial_dims=dims, patient_id=patient, random_state=seed, study=study
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_the_same_arguments_give_the_same_pixels_and_others_do_not(dims):
    one, again = phantom(dims=dims), phantom(dims=dims)
    np.testing.assert_array_equal(one.array, again.array)
    assert (one.spacing, one.lesion_box) == (again.spacing, again.lesion_box)
    for other in (
        phantom(dims=dims, seed=1),
        phantom(dims=dims, patient="q"),
        phantom(dims=dims, study=1),
    ):
        assert other.array.shape != one.array.shape or (other.array != one.array).mean() > 0.5


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("pair", [("solid mass", "thin shell"), ("dumbbell", "grid lattice")])
def test_the_box_holds_the_lesion_and_no_more(dims, pair):
    """The same patient with two lesions: the scans differ where the lesions differ."""
    one, other = (phantom(condition, dims=dims, patient="box") for condition in pair)
    different = np.argwhere(one.array != other.array)
    for axis in range(dims):
        lo = min(one.lesion_box[axis][0], other.lesion_box[axis][0])
        hi = max(one.lesion_box[axis][1], other.lesion_box[axis][1])
        assert lo <= different[:, axis].min() <= lo + 2
        assert hi - 2 <= different[:, axis].max() + 1 <= hi


@pytest.mark.parametrize("dims", [2, 3])
def test_scans_look_like_scans(dims):
    shapes, spacings = set(), set()
    for number in range(4):
        made = phantom(dims=dims, patient=f"look {number}")
        assert made.array.dtype == np.float32
        assert made.array.ndim == made.spatial_dims == dims
        assert (made.array == np.round(made.array)).all()
        width = [
            (hi - lo) / n for (lo, hi), n in zip(made.lesion_box, made.array.shape, strict=True)
        ]
        assert 0.1 < max(width) < 0.65
        if dims == 2:
            assert made.modality == "DX"
            assert made.affine is None
            assert made.array.min() >= 0
            assert made.array.max() <= 65535
            assert all(140 <= n <= 260 for n in made.array.shape)
        else:
            assert made.modality == "CT"
            assert made.array.min() >= -1024
            assert made.array.max() <= 3071
            assert all(56 <= n <= 72 for n in made.array.shape[:2])
            assert 40 <= made.array.shape[2] <= 64
            voxel = np.linalg.norm(made.affine[:3, :3], axis=0)
            np.testing.assert_allclose(voxel, made.spacing)
        shapes.add(made.array.shape)
        spacings.add(made.spacing)
    assert len(shapes) > 1
    assert len(spacings) == 4


def test_some_radiographs_are_stored_inverted():
    kinds = [phantom(patient=f"inverted {number}").photometric for number in range(12)]
    assert set(kinds) == {"MONOCHROME1", "MONOCHROME2"}


def test_a_second_study_shows_the_same_lesion_imaged_anew():
    """Centre of the lesion, in mm from the middle of the field, moves by the placement alone."""
    for number in range(5):
        first, second = (phantom(patient=f"again {number}", study=study) for study in (0, 1))
        centres = []
        for made in (first, second):
            middle = np.array([(lo + hi) / 2 for lo, hi in made.lesion_box])
            centres.append((middle - np.array(made.array.shape) / 2) * made.spacing)
        field = first.array.shape[0] * first.spacing[0]
        assert np.linalg.norm(centres[0] - centres[1]) < 0.2 * field
        assert first.photometric == second.photometric


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"condition": "cresent"}, "unknown condition 'cresent'; known: solid mass"),
        ({"dims": 4}, "spatial_dims must be 2 or 3, got 4"),
        ({"seed": -1}, "0 or more"),
        ({"study": -1}, "0 or more"),
    ],
)
def test_wrong_arguments_are_said(change, message):
    with pytest.raises(UsageError, match=message):
        phantom(**change)


def small(array: np.ndarray, size: int) -> np.ndarray:
    """Mean over `size` blocks along each axis, then z-scored."""
    for axis in range(array.ndim):
        blocks = np.array_split(array, size, axis=axis)
        array = np.stack([block.mean(axis=axis) for block in blocks], axis=axis)
    return (array - array.mean()) / array.std()


@pytest.mark.parametrize(("dims", "size", "n_patients"), [(2, 32, 12), (3, 16, 7)])
def test_pixel_distance_tells_the_unseen_conditions_apart_no_better_than_poorly(
    dims, size, n_patients
):
    """4-way 5-shot nearest prototype on pixels; each patient is in support or query, once."""
    conditions = UNSEEN_CONDITIONS[:4]
    pixels = {
        condition: [
            small(phantom(condition, dims=dims, patient=f"{condition} {n}").array, size)
            for n in range(n_patients)
        ]
        for condition in conditions
    }
    rng = np.random.default_rng(0)
    recalls = []
    for _ in range(20):
        order = rng.permutation(n_patients)
        prototypes = {c: sum(pixels[c][n] for n in order[:5]) / 5 for c in conditions}
        for condition in conditions:
            hits = 0
            for n in order[5:]:
                distance = {
                    c: ((pixels[condition][n] - prototypes[c]) ** 2).sum() for c in conditions
                }
                hits += min(distance, key=distance.__getitem__) == condition
            recalls.append(hits / len(order[5:]))
    assert np.mean(recalls) < 0.5


def test_mean_brightness_gives_nothing_away():
    """The same 6 patients with each lesion: conditions differ far less than patients do."""
    means = np.array(
        [
            [phantom(condition, patient=f"mean {n}").array.mean() for n in range(6)]
            for condition in CONDITIONS
        ]
    )
    assert means.mean(axis=1).std() < 0.1 * means.mean(axis=0).std()
