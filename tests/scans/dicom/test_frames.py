from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medsiam.scans.dicom.frames import frame_places, frame_volumes, volumes_in
from medsiam.scans.dicom.header import read_header
from tests.scans.written import dataset, enhanced

FRAMES = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
POSITIONS = [(1, 2, 3), (1, 2, 6)]


def test_positions_are_the_frames_own_and_the_rest_is_shared():
    places = frame_places(enhanced(FRAMES, POSITIONS), 2)
    assert places is not None
    planes = [one.plane for one in places]
    assert [plane.position for plane in planes] == POSITIONS
    assert {plane.spacing for plane in planes} == {(0.25, 0.5)}  # between columns first
    assert {plane.y_direction for plane in planes} == {(0, 1, 0)}


def test_a_frames_own_orientation_goes_before_the_shared_one():
    ds = enhanced(FRAMES, POSITIONS)
    own = Dataset()
    own.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    ds.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [own]
    places = frame_places(ds, 2)
    assert places is not None
    assert [one.plane.x_direction for one in places] == [(1, 0, 0), (0, 1, 0)]


def test_one_frame_without_position_makes_all_unknown():
    ds = enhanced(FRAMES, POSITIONS)
    del ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    assert frame_places(ds, 2) is None


@pytest.mark.parametrize("missing", ["PixelMeasuresSequence", "PlaneOrientationSequence"])
def test_shared_groups_are_needed_too(missing):
    ds = enhanced(FRAMES, POSITIONS)
    delattr(ds.SharedFunctionalGroupsSequence[0], missing)
    assert frame_places(ds, 2) is None


def test_groups_must_be_as_many_as_frames():
    assert frame_places(enhanced(FRAMES, POSITIONS[:1]), 2) is None
    assert frame_places(dataset(FRAMES), 2) is None


def in_time(frames, positions, times):
    ds = enhanced(frames, positions)
    for group, time in zip(ds.PerFrameFunctionalGroupsSequence, times, strict=True):
        content = Dataset()
        content.TemporalPositionIndex = time
        group.FrameContentSequence = [content]
    return ds


def test_time_points_of_one_file_are_held_apart_in_the_order_of_time(tmp_path):
    frames = np.arange(72, dtype=np.uint16).reshape(6, 3, 4)
    positions = [(0, 0, z) for z in (0, 3, 6) for _ in range(2)]
    ds = in_time(frames, positions, [2, 1] * 3)
    volumes = frame_volumes(ds, 6)
    assert volumes is not None
    assert [volume.frames for volume in volumes] == [(1, 3, 5), (0, 2, 4)]
    ds.save_as(tmp_path / "a", enforce_file_format=True)
    again = volumes_in(read_header(tmp_path / "a"))
    assert again is not None
    assert [volume.frames for volume in again] == [(1, 3, 5), (0, 2, 4)]


def test_frames_in_two_directions_are_volumes_of_their_own():
    frames = np.arange(48, dtype=np.uint16).reshape(4, 3, 4)
    ds = enhanced(frames, [(0, 0, 0), (0, 0, 3), (5, 0, 0), (8, 0, 0)])
    for group in ds.PerFrameFunctionalGroupsSequence[2:]:
        own = Dataset()
        own.ImageOrientationPatient = [0, 1, 0, 0, 0, 1]
        group.PlaneOrientationSequence = [own]
    volumes = frame_volumes(ds, 4)
    assert volumes is not None
    assert [volume.frames for volume in volumes] == [(0, 1), (2, 3)]


def test_without_places_there_are_no_volumes():
    assert frame_volumes(dataset(FRAMES), 2) is None


def test_gradient_directions_hold_frames_apart():
    """PS3.3 C.8.13.5.9: the direction lies in a sequence within that of the b-value."""
    frames = np.arange(48, dtype=np.uint16).reshape(4, 3, 4)
    ds = enhanced(frames, [(0, 0, 0), (0, 0, 3), (0, 0, 0), (0, 0, 3)])
    for group, direction in zip(ds.PerFrameFunctionalGroupsSequence, "xyyx", strict=True):
        diffusion, gradient = Dataset(), Dataset()
        along = [1.0, 0.0, 0.0] if direction == "x" else [0.0, 1.0, 0.0]
        gradient.DiffusionGradientOrientation = along
        diffusion.DiffusionBValue = 1000.0
        diffusion.DiffusionGradientDirectionSequence = [gradient]
        group.MRDiffusionSequence = [diffusion]
    volumes = frame_volumes(ds, 4)
    assert volumes is not None
    assert [volume.frames for volume in volumes] == [(0, 3), (2, 1)]
