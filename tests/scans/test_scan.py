from __future__ import annotations

import numpy as np
import pytest

from medsiam.scans import Scan


def scan(**how):
    array = how.pop("array", np.zeros((4, 5, 6), np.float32))
    return Scan(array=array, spatial_dims=how.pop("spatial_dims", 3), **how)


@pytest.mark.parametrize(
    "wrong",
    [
        {"spatial_dims": 4},
        {"spatial_dims": 2, "array": np.zeros((2, 2, 3, 1), np.float32)},
        {"array": np.zeros((4, 5, 6))},
        {"affine": np.eye(3)},
        {"spacing": (1.0, 1.0)},
    ],
)
def test_a_scan_that_contradicts_itself_is_not_made(wrong):
    with pytest.raises(ValueError, match=r"must|does not fit"):
        scan(**wrong)


def test_shape_and_channels():
    assert (scan().spatial_shape, scan().n_channels) == ((4, 5, 6), 1)
    colour = scan(array=np.zeros((4, 5, 3), np.float32), spatial_dims=2)
    assert (colour.spatial_shape, colour.n_channels) == ((4, 5), 3)


def test_orientation_follows_the_affine():
    assert scan().orientation is None
    assert scan(affine=np.diag([-1.0, -1, 1, 1])).orientation == "LPS"
    flat = scan(array=np.zeros((4, 5), np.float32), spatial_dims=2, affine=np.eye(4))
    assert flat.orientation == "RA"


def test_repr_tells_geometry_and_no_identity():
    told = repr(
        scan(patient_id="planted-4711", modality="CT", spacing=(1, 1, 2.5), study_uid="9.9")
    )
    assert told == "Scan(CT, 3D, 4 x 5 x 6, 1 x 1 x 2.5 mm, orientation unknown)"
    assert "planted" not in str(scan(patient_id="planted-4711"))


def test_content_hash_sees_values_shape_and_geometry_alone():
    values = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
    one = scan(array=values)
    assert one.content_hash == scan(array=values.copy(), patient_id="x", modality="MR").content_hash
    assert one.content_hash == scan(array=np.asfortranarray(values)).content_hash
    assert one.content_hash != scan(array=values + 1).content_hash
    assert one.content_hash != scan(array=values.reshape(5, 4, 6)).content_hash
    assert one.content_hash != scan(array=values, affine=np.eye(4)).content_hash
