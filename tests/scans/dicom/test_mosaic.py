from __future__ import annotations

import struct

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans.dicom.mosaic import csa_values
from medsiam.scans.dicom.single import read_dicom
from tests.scans.written import dataset

MOSAIC = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
SLICES = np.arange(5 * 3 * 4, dtype=np.uint16).reshape(5, 3, 4)  # (slices, rows, columns)


def tiled(slices: np.ndarray, per_side: int) -> np.ndarray:
    n, rows, columns = slices.shape
    picture = np.zeros((per_side * rows, per_side * columns), slices.dtype)
    for k in range(n):
        row, column = k // per_side * rows, k % per_side * columns
        picture[row : row + rows, column : column + columns] = slices[k]
    return picture


def csa(tags: dict[str, list[str]], *, first_kind=False) -> bytes:
    """A CSA header as nipy.org/nibabel/dicom/siemens_csa.html describes it."""
    data = struct.pack("<II", len(tags), 77)
    data = data if first_kind else b"SV10\4\3\2\1" + data
    base = 6  # the first tag's number of items, from which CSA1 counts lengths
    for name, values in tags.items():
        items = [v.encode() + b"\0" for v in values] + [b""] * (base - len(values))
        data += struct.pack("<64si4s3i", name.encode(), len(values), b"IS", 6, len(items), 77)
        for item in items:
            length = len(item) + base if first_kind else len(item)
            data += struct.pack("<4i", length, len(item), 77, length) + item
            data += b"\0" * (-len(item) % 4)
    return data


def mosaic(tmp_path, *, header: bytes | None, shape=2, **elements):
    ds = dataset(
        tiled(SLICES, 3) if shape == 3 else tiled(SLICES[:4], shape),
        position=(10, 20, 30),
        spacing=(0.5, 0.25),
        ImageType=MOSAIC,
        **{"SpacingBetweenSlices": 2.5, **elements},
    )
    if header is not None:
        block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", header)
    ds.save_as(tmp_path / "a", enforce_file_format=True)
    return tmp_path / "a"


@pytest.mark.parametrize("first_kind", [False, True])
def test_tiles_become_slices_and_the_empty_one_is_left_out(tmp_path, first_kind):
    header = csa({"Other": ["1"], "NumberOfImagesInMosaic": ["5"]}, first_kind=first_kind)
    scan = read_dicom(mosaic(tmp_path, header=header, shape=3))
    assert scan.array.shape == (4, 3, 5)
    for z in range(5):
        np.testing.assert_array_equal(scan.array[..., z], SLICES[z].T)
    # By hand: the picture's corner plus half of what is around a tile, 8 columns and 6 rows.
    corner = [-(10 + 0.25 * 8 / 2), -(20 + 0.5 * 6 / 2), 30]
    np.testing.assert_allclose(scan.affine[:3, 3], corner)
    assert scan.spacing == (0.25, 0.5, 2.5)


@pytest.mark.parametrize("n", ["4", "3"])
def test_slices_that_run_against_the_normal_are_turned_to_run_along_it(tmp_path, n):
    header = csa({"NumberOfImagesInMosaic": [n], "SliceNormalVector": ["0", "0", "-1"]})
    scan = read_dicom(mosaic(tmp_path, header=header))
    for z in range(int(n)):
        np.testing.assert_array_equal(scan.array[..., z], SLICES[int(n) - 1 - z].T)
    assert scan.affine[2, 3] == pytest.approx(30 - 2.5 * (int(n) - 1))


def test_the_number_may_stand_in_a_plain_private_element(tmp_path):
    path = mosaic(tmp_path, header=None)
    import pydicom

    ds = pydicom.dcmread(path)
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 3)
    ds.save_as(path)
    assert read_dicom(path).array.shape == (4, 3, 3)


@pytest.mark.parametrize(
    ("header", "elements", "code"),
    [
        (None, {}, "unknown_mosaic"),
        (b"SV10 and then nothing of use", {}, "unknown_mosaic"),
        (csa({"NumberOfImagesInMosaic": ["0"]}), {}, "unknown_mosaic"),
        (csa({"NumberOfImagesInMosaic": ["many"]}), {}, "unknown_mosaic"),
        (csa({"NumberOfImagesInMosaic": ["20"]}), {}, "unknown_mosaic"),
        (
            csa({"NumberOfImagesInMosaic": ["4"], "SliceNormalVector": ["0", "1", "0"]}),
            {},
            "unknown_mosaic",
        ),
        (csa({"NumberOfImagesInMosaic": ["4"]}), {"SpacingBetweenSlices": None}, "no_geometry"),
        (csa({"NumberOfImagesInMosaic": ["4"]}), {"PixelSpacing": None}, "no_geometry"),
    ],
)
def test_nothing_is_guessed(tmp_path, header, elements, code):
    with pytest.raises(ScanError) as caught:
        read_dicom(mosaic(tmp_path, header=header, **elements))
    assert caught.value.code == code


def test_a_damaged_header_gives_what_was_read_before_the_damage():
    whole = csa({"One": ["1", "2"], "Two": ["3"]})
    assert csa_values(whole) == {"One": ["1", "2"], "Two": ["3"]}
    assert csa_values(whole[:-30]) == {"One": ["1", "2"]}
    assert csa_values(b"") == {}
    assert csa_values(b"\xff" * 400) == {}
