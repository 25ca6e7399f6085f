from __future__ import annotations

import json

import numpy as np
import pytest

from medsiam import Scan
from tests.app.conftest import PATIENT_ID
from viewer.volume import document, map_bytes, volume_of, voxel_bytes


def back(scan: Scan) -> np.ndarray:
    """The values as the browser has them, by plain loops, in the shape of the scan's array."""
    volume = volume_of(scan)
    nx, ny, nz = volume.shape
    kind = "<i2" if volume.channels == 1 else "u1"
    stored = np.frombuffer(voxel_bytes(scan), kind)
    values = np.empty((nx, ny, nz, volume.channels))
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                for part in range(volume.channels):
                    at = (x + nx * (y + ny * z)) * volume.channels + part
                    values[x, y, z, part] = stored[at] * volume.slope + volume.intercept
    return values.reshape(scan.array.shape)


@pytest.mark.parametrize("low", [-1024, 0, 30000, -40000])
def test_whole_numbers_arrive_exactly(low):
    values = np.random.default_rng(0).integers(low, low + 4000, (5, 4, 3)).astype(np.float32)
    assert np.array_equal(back(Scan(values, 3)), values)


def test_the_whole_range_of_16_bits_is_exact():
    values = np.arange(65536, dtype=np.float32).reshape(256, 256)
    scan = Scan(values, 2)
    stored = np.frombuffer(voxel_bytes(scan), "<i2").astype(float)
    volume = volume_of(scan)
    assert np.array_equal(stored * volume.slope + volume.intercept, values.T.ravel())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e7])
@pytest.mark.parametrize("outlier", [None, 1e4, -1e6])
def test_fractions_are_drawn_within_one_grey_level(scale, outlier):
    values = np.random.default_rng(1).normal(3, 1, (40, 30, 9)).astype(np.float32)
    if outlier is not None:  # one voxel that would swallow the whole range
        values[3, 2, 1] = outlier
    scan = Scan((values * scale).astype(np.float32), 3)
    volume = volume_of(scan)
    center, width = volume.percentiles

    def grey(array):
        return ((array - center) / width + 0.5).clip(0, 1) * 255

    assert np.abs(grey(back(scan)) - grey(scan.array.astype(float))).max() <= 0.5
    assert volume.cut is (outlier is not None)


def test_one_value_everywhere_and_no_number_are_no_trouble():
    flat = Scan(np.full((3, 3), 0.3, np.float32), 2)
    assert np.allclose(back(flat), 0.3, atol=1e-3)
    holes = Scan(np.array([[0.5, np.nan], [1.5, 2.5]], np.float32), 2)
    assert np.isfinite(back(holes)).all()


def test_colours_are_eight_bits():
    values = np.random.default_rng(2).uniform(0, 255, (6, 5, 3)).astype(np.float32)
    scan = Scan(values, 2)
    assert volume_of(scan).channels == 3
    assert np.abs(back(scan) - values).max() <= 0.5


def test_maps_keep_their_sign_and_are_strongest_at_127():
    values = np.array([[0.5, -1.0], [0.0, 0.25]], np.float32)  # (x, y)
    assert np.frombuffer(map_bytes(values), "i1").tolist() == [64, 0, -127, 32]
    assert set(map_bytes(np.zeros((2, 2)))) == {0}


def test_what_is_said_is_plain_and_names_no_patient():
    scan = Scan(
        np.zeros((3, 4), np.float32),
        2,
        patient_id=PATIENT_ID,
        study_uid="1.2.3",
        modality="CT",
        window=(40.0, 400.0),
        presets=(("ABDOMEN", 40.0, 400.0), ("", 30.0, 80.0)),
    )
    said = document(scan)
    text = json.dumps(said)
    assert PATIENT_ID not in text
    assert "1.2.3" not in text
    assert [name for name, *_ in said["presets"]] == [
        "ABDOMEN",
        "file 2",
        "lung",
        "bone",
        "brain",
        "soft tissue",
    ]
    assert (said["unit"], said["function"]) == ("HU", "LINEAR_EXACT")
    assert said["spacing"] is None


def test_a_spacing_of_zero_is_not_known():
    assert document(Scan(np.zeros((3, 4), np.float32), 2, spacing=(0.0, 1.0)))["spacing"] is None
