"""A look at a scan depends on seed, step and place, on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.preprocessing import Augmentation
from medsiam.training.looks import Looks
from medsiam.training.seeding import Purpose
from tests.training.shapes import prepared_shapes

STRONG = Augmentation(rotation=20.0, translation=2.0, noise=0.1, flip=True, gamma=(0.7, 1.4))


@pytest.fixture(scope="module")
def scans():
    return prepared_shapes(patients=2, scans=1)


def looks(seed=0, purpose=Purpose.LOOK, augmentation=STRONG):
    return Looks(augmentation, seed=seed, purpose=purpose)


def look(one_series, scans, positions, places, step=3):
    return one_series(scans, np.array(positions), np.array(places), step)


def test_a_look_does_not_depend_on_the_rest_of_the_batch_nor_on_what_was_before(scans):
    whole = look(looks(), scans, [0, 1, 2, 3], [0, 1, 2, 3])
    one_series = looks()
    second = look(one_series, scans, [2, 3], [2, 3])
    first = look(one_series, scans, [0, 1], [0, 1])
    assert torch.equal(whole, torch.cat([first, second]))
    assert whole.shape == (4, 1, 24, 24)
    assert whole.dtype == torch.float32


def test_step_place_seed_and_purpose_change_the_look(scans):
    several = [
        look(looks(), scans, [0], [0]),
        look(looks(), scans, [0], [1]),
        look(looks(), scans, [0], [0], step=4),
        look(looks(seed=1), scans, [0], [0]),
        look(looks(purpose=Purpose.PRETRAINING_LOOK), scans, [0], [0]),
    ]
    for i, one in enumerate(several):
        assert not any(torch.equal(one, other) for other in several[i + 1 :])


def test_without_augmentation_the_scan_itself_is_seen(scans):
    seen = look(looks(augmentation=Augmentation()), scans, [1, 1], [0, 1])
    assert torch.equal(seen, scans.tensors[[1, 1]])
