from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from medsiam.errors import ScanError
from medsiam.scans import ReadingWorker, ScanSource
from tests.scans.written import write, write_nifti, write_stack

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def test_each_kind_is_read_by_its_reader(tmp_path):
    path = write_nifti(tmp_path / "v.nii", VOLUME)
    assert ScanSource("nifti", path, (path,)).read().array.shape == (5, 4, 3)
    path = tmp_path / "x.png"
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(path)
    assert ScanSource("image", path, (path,)).read().array.shape == (3, 4)
    files = tuple(write_stack(tmp_path / "s", VOLUME))
    assert ScanSource("dicom", tmp_path / "s", files).read().array.shape == (3, 4, 5)


def test_it_can_be_read_by_a_process_of_ones_own(tmp_path):
    path = write_nifti(tmp_path / "v.nii", VOLUME)
    with ReadingWorker() as worker:
        assert worker.pid is None
        assert ScanSource("nifti", path, (path,)).read(worker=worker).array.shape == (5, 4, 3)
        assert worker.pid is not None


def test_its_warnings_come_first(tmp_path):
    path = write(tmp_path / "a", VOLUME[0], ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    scan = ScanSource("dicom", path, (path,), warnings=("found so",)).read()
    assert scan.warnings[0] == "found so"
    assert "right angles" in scan.warnings[1]


def test_what_pydicom_warns_of_never_leaks(tmp_path):
    path = write(tmp_path / "a", VOLUME[0])
    data = path.read_bytes().replace(
        b"1.2.826.0.1.3680043.8.498.2\0", b"1.2.x26.0.1.3680043.8.498.2\0"
    )
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        scan = ScanSource("dicom", path, (path,)).read()
    assert leaked == []
    assert "x26" not in str(scan.warnings)


def test_a_file_that_went_away(tmp_path):
    path = tmp_path / "gone"
    for kind in ("dicom", "nifti", "image"):
        with pytest.raises(ScanError) as caught:
            ScanSource(kind, path, (path,)).read()
        assert caught.value.code == "missing_file"


def test_a_file_that_is_not_what_it_was(tmp_path):
    (tmp_path / "x").write_bytes(b"words" * 99)
    for kind in ("dicom", "nifti", "image"):
        with pytest.raises(ScanError):
            ScanSource(kind, tmp_path / "x", (tmp_path / "x",)).read()
