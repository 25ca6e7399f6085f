from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medsiam.scans.dicom.frames import frame_planes
from tests.scans.written import dataset, enhanced

FRAMES = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
POSITIONS = [(1, 2, 3), (1, 2, 6)]


def test_positions_are_the_frames_own_and_the_rest_is_shared():
    planes = frame_planes(enhanced(FRAMES, POSITIONS), 2)
    assert planes is not None
    assert [plane.position for plane in planes] == POSITIONS
    assert {plane.spacing for plane in planes} == {(0.25, 0.5)}  # between columns first
    assert {plane.y_direction for plane in planes} == {(0, 1, 0)}


def test_a_frames_own_orientation_goes_before_the_shared_one():
    ds = enhanced(FRAMES, POSITIONS)
    own = Dataset()
    own.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    ds.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [own]
    planes = frame_planes(ds, 2)
    assert planes is not None
    assert [plane.x_direction for plane in planes] == [(1, 0, 0), (0, 1, 0)]


def test_one_frame_without_position_makes_all_unknown():
    ds = enhanced(FRAMES, POSITIONS)
    del ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    assert frame_planes(ds, 2) is None


@pytest.mark.parametrize("missing", ["PixelMeasuresSequence", "PlaneOrientationSequence"])
def test_shared_groups_are_needed_too(missing):
    ds = enhanced(FRAMES, POSITIONS)
    delattr(ds.SharedFunctionalGroupsSequence[0], missing)
    assert frame_planes(ds, 2) is None


def test_groups_must_be_as_many_as_frames():
    assert frame_planes(enhanced(FRAMES, POSITIONS[:1]), 2) is None
    assert frame_planes(dataset(FRAMES), 2) is None
