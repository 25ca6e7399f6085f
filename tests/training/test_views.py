"""A look at a scan depends on seed, step and place, on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data.meta_obj import get_track_meta

from medsiam.preprocessing import Augmentation
from medsiam.training.seeding import Purpose
from medsiam.training.views import Views
from tests.training.shapes import prepared_shapes

STRONG = Augmentation(rotation=20.0, translation=2.0, noise=0.1, flip=True, gamma=(0.7, 1.4))


@pytest.fixture(scope="module")
def scans():
    return prepared_shapes(patients=2, scans=1)


def views(seed=0, purpose=Purpose.VIEW, augmentation=STRONG):
    return Views(augmentation, spatial_dims=2, seed=seed, purpose=purpose)


def look(view, scans, positions, places, step=3):
    return view(scans, np.array(positions), np.array(places), step)


def test_a_look_does_not_depend_on_the_rest_of_the_batch_nor_on_what_was_before(scans):
    whole = look(views(), scans, [0, 1, 2, 3], [0, 1, 2, 3])
    view = views()
    second = look(view, scans, [2, 3], [2, 3])
    first = look(view, scans, [0, 1], [0, 1])
    assert torch.equal(whole, torch.cat([first, second]))
    assert whole.shape == (4, 1, 24, 24)
    assert whole.dtype == torch.float32


def test_step_place_seed_and_purpose_change_the_look(scans):
    looks = [
        look(views(), scans, [0], [0]),
        look(views(), scans, [0], [1]),
        look(views(), scans, [0], [0], step=4),
        look(views(seed=1), scans, [0], [0]),
        look(views(purpose=Purpose.PRETRAINING_VIEW), scans, [0], [0]),
    ]
    for i, one in enumerate(looks):
        assert not any(torch.equal(one, other) for other in looks[i + 1 :])


def test_without_augmentation_the_scan_itself_is_seen(scans):
    seen = look(views(augmentation=Augmentation()), scans, [1, 1], [0, 1])
    assert torch.equal(seen, scans.tensors[[1, 1]])
    assert get_track_meta()
