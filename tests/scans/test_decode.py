from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsiam.errors import ScanError
from medsiam.scans.decode import Request, decode
from tests.scans.written import write, write_nifti, write_stack

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def test_each_kind_by_its_reader(tmp_path):
    nifti = write_nifti(tmp_path / "v.nii", VOLUME)
    assert decode(Request("nifti", nifti, (nifti,))).array.shape == (5, 4, 3)
    image = tmp_path / "x.png"
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(image)
    assert decode(Request("image", image, (image,))).array.shape == (3, 4)
    files = tuple(write_stack(tmp_path / "s", VOLUME))
    assert decode(Request("dicom", tmp_path / "s", files)).array.shape == (3, 4, 5)


def test_what_libraries_warn_of_comes_last_and_goes_nowhere_else(tmp_path):
    path = write(tmp_path / "a", VOLUME[0], ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    uid = b"1.2.826.0.1.3680043.8.498.2\0"
    path.write_bytes(path.read_bytes().replace(uid, uid.replace(b"826", b"x26")))
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        scan = decode(Request("dicom", path, (path,)))
    assert leaked == []
    assert scan.warnings[0].code == "odd_orientation"
    assert "x26" not in str(scan.warnings)


@pytest.mark.parametrize("kind", ["dicom", "nifti", "image"])
def test_every_failure_is_a_fault(tmp_path, kind):
    (tmp_path / "x").write_bytes(b"words" * 99)
    for path in (tmp_path / "x", tmp_path / "gone"):
        with pytest.raises(ScanError, match=f"^{path}: "):
            decode(Request(kind, path, (path,)))


def test_who_only_asks_loads_no_reader():
    script = (
        "import sys; import medsiam.scans.decode; "
        "sys.exit(any(name.startswith('medsiam.scans.dicom') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_paths_are_as_they_were_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((4, 3), np.uint8)).save("x.png")
    path = Path("x.png")
    assert decode(Request("image", path, (path,))).sources == (path,)
