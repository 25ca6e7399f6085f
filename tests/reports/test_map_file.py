from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import UsageError
from medsiam.reports import map_nifti
from medsiam.scans import read_scan
from medsiam.scans.scan import Scan

AFFINE = np.array([[-2, 0, 0, 5], [0, -1.5, 0, 7], [0, 0, 3, -9], [0, 0, 0, 1.0]])


def written(scan, values, folder) -> Scan:
    path = folder / "map.nii.gz"
    path.write_bytes(map_nifti(scan, values))
    return read_scan(path)


def test_a_map_lies_where_its_scan_lies_and_tells_nothing_of_the_patient(tmp_path):
    import nibabel

    scan = Scan(
        np.zeros((6, 5, 4), np.float32),
        spatial_dims=3,
        affine=AFFINE,
        spacing=(2.0, 1.5, 3.0),
        patient_id="Doe^Jane",
    )
    values = np.random.default_rng(0).normal(size=(6, 5, 4)).astype(np.float32)
    found = written(scan, values, tmp_path)
    np.testing.assert_array_equal(found.array, values)
    np.testing.assert_allclose(found.affine, AFFINE)
    header = nibabel.load(tmp_path / "map.nii.gz").header
    assert b"research use only" in bytes(header["descrip"])
    assert b"unknown" not in bytes(header["descrip"])
    assert b"Doe" not in header.binaryblock
    assert map_nifti(scan, values) == map_nifti(scan, values)


def test_an_image_without_position_says_so(tmp_path):
    import nibabel

    scan = Scan(np.zeros((6, 5, 3), np.float32), spatial_dims=2)
    values = np.arange(30, dtype=np.float32).reshape(6, 5)
    found = written(scan, values, tmp_path)
    np.testing.assert_array_equal(np.squeeze(found.array), values)
    description = bytes(nibabel.load(tmp_path / "map.nii.gz").header["descrip"])
    assert b"position unknown; research use only, no medical device" in description
    with pytest.raises(UsageError, match="does not fit"):
        map_nifti(scan, values.T)
