"""Forty real and broken samples: what each row's column `expected` means, written down and met.

Voxels and geometry are compared with dcm2niix (reference_nifti), positions with pydicom alone.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pydicom
import pytest

from medsiam.errors import ScanError
from medsiam.scans import FAULTS, FolderIndex, Scan, index_folder, read_scan
from medsiam.scans.faults import WARNINGS
from tests.scans.written import SHIPPED

# Nine encodings of one Siemens mosaic: 36 tiles of 64 x 64, 35 of them slices.
ENCODINGS = [f"transfer_syntax/ts_{n}.dcm" for n in range(1, 10)]


@dataclass(frozen=True)
class Row:
    """The outcome of one row.

    Attributes:
        scans: (shape, orientation) of every scan that is read, in the order of the index.
        said: codes of warnings that every one of them carries.
        faults: codes of sources that cannot be read and of skipped files.
    """

    scans: tuple[tuple[tuple[int, ...], str | None], ...] = ()
    said: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


def reads(*scans, said: str = "") -> Row:
    return Row(scans, said=frozenset(said.split()))


def refuses(*codes: str) -> Row:
    return Row(faults=codes)


MOSAIC = reads(((64, 64, 35), "LPS"))
TABLE = {
    "series/gbm_t1post": reads(((280, 320, 22), "LPS")),
    "series/gbm_flair": reads(((280, 320, 22), "LPS")),
    "series/gbm_hippocampus_crop": reads(((34, 50, 40), "LPS")),
    "series/siemens_epi_ap": reads(*[((72, 72, 5), "LPS")] * 2, said="one_of_several slice_gap"),
    "series/siemens_epi_pa": reads(*[((72, 72, 5), "LPS")] * 2, said="one_of_several slice_gap"),
    "series/ge_fmri": reads(*[((64, 64, 15), "LPS")] * 10, said="one_of_several slice_gap"),
    "series/mr_sagittal_hfs": reads(((256, 256, 35), "PIR")),
    **dict.fromkeys(ENCODINGS, MOSAIC),
    "transfer_syntax/12bitSigned_0x0F0F.dcm": reads(((64, 64, 35), "LPS")),
    "transfer_syntax/12bitUnsigned.dcm": reads(((64, 64, 35), "LPS")),
    "transfer_syntax/12bitUnsigned_0x0F0F.dcm": reads(((64, 64, 35), "LPS")),
    "odd_real/MR2_J2KR.dcm": reads(((1024, 1024), "PI")),
    "odd_real/RG3_J2KR.dcm": reads(((1760, 1760), None)),
    "odd_real/OBXXXX1A_rle.dcm": reads(((800, 600), None), said="burned_in_text"),
    "odd_real/SC_rgb_16bit.dcm": reads(((100, 100), None), said="burned_in_text"),
    # Ten frames without functional groups: which one is meant, nobody says.
    "odd_real/emri_small.dcm": refuses("frames_without_positions"),
    "odd_real/emri_small_jpeg_ls_lossless.dcm": refuses("frames_without_positions"),
    "odd_real/emri_small_jpeg_2k_lossless_too_short.dcm": refuses("truncated_pixels"),
    "odd_real/bad_sequence.dcm": reads(((512, 512), "LP")),
    "odd_real/gdcm-US-ALOKA-16.dcm": reads(((640, 480), None), said="burned_in_text"),
    "odd_real/liver_1frame.dcm": refuses("not_an_image"),
    "odd_real/explicit_VR-UN.dcm": reads(((512, 512), "LA")),
    "odd_real/mlut_18.dcm": reads(((512, 512), None), said="burned_in_text"),
    "odd_real/eCT_Supplemental.dcm": reads(((512, 512, 2), "RPI")),
    "broken_on_purpose/truncated_file.dcm": refuses("truncated_pixels"),
    "broken_on_purpose/empty.dcm": refuses("empty_file"),
    "broken_on_purpose/text_renamed.dcm": refuses("unknown_format"),
    "broken_on_purpose/no_extension/IM0001": reads(((34, 50), "LP")),
    "broken_on_purpose/missing_slices": refuses("missing_slices"),
    "broken_on_purpose/duplicate_slices": reads(((34, 50, 20), "LPS"), said="repeated_slices"),
    "broken_on_purpose/shuffled_names": reads(((34, 50, 40), "LPS")),
    "broken_on_purpose/mixed_matrix": reads(
        ((34, 50, 3), "LPS"), ((34, 52, 3), "LPS"), said="split_series"
    ),
}


@pytest.fixture(scope="module")
def samples(request):
    return request.getfixturevalue("medsiam_data") / "dicom_samples"


@pytest.fixture(scope="module")
def volumes(samples):
    """Every volume of the series that dcm2niix converted as well."""
    names = ("series/siemens_epi_ap", "series/siemens_epi_pa", "series/ge_fmri", ENCODINGS[0])
    return {name: [s.read() for s in index_folder(samples / name).sources] for name in names}


def test_the_table_has_every_row(samples):
    with (samples / "labels.csv").open(newline="", encoding="utf-8") as stream:
        assert [row["path"] for row in csv.DictReader(stream)] == list(TABLE)
    assert len(TABLE) == 40


def read_all(index: FolderIndex) -> tuple[list[Scan], list[ScanError]]:
    """Read every source; no other exception may come."""
    scans, errors = [], []
    for source in index.sources:
        try:
            scans.append(source.read())
        except ScanError as error:
            errors.append(error)
    return scans, errors


@pytest.mark.parametrize("name", TABLE)
def test_a_row_ends_as_expected(samples, name, capfd):
    index = index_folder(samples / name)
    scans, errors = read_all(index)
    assert all(str(samples / name) in str(error) for error in errors)
    faults = [skipped.code for skipped in index.skipped] + [error.code for error in errors]
    assert tuple(faults) == TABLE[name].faults
    assert [(s.spatial_shape, s.orientation) for s in scans] == list(TABLE[name].scans)
    for scan in scans:
        assert {said.code for said in scan.warnings} == TABLE[name].said, scan.warnings
    assert capfd.readouterr() == ("", "")


def test_broken_files_are_named_and_the_rest_goes_on(samples):
    index = index_folder(samples / "broken_on_purpose")
    scans, errors = read_all(index)
    ends = Counter(found.code for found in (*index.skipped, *errors))
    assert ends["empty_file"] == ends["unknown_format"] == ends["missing_slices"] == 1
    assert ends["truncated_pixels"] == 1
    assert len(scans) >= 4


@pytest.mark.parametrize("name", ENCODINGS[1:])
def test_nine_encodings_are_one_picture(samples, volumes, name):
    first, other = volumes[ENCODINGS[0]][0], read_scan(samples / name)
    np.testing.assert_array_equal(other.array, first.array)
    np.testing.assert_array_equal(other.affine, first.affine)


def test_a_mosaic_holds_each_tile_as_a_slice(samples, volumes):
    tiles = pydicom.dcmread(samples / ENCODINGS[0]).pixel_array
    assert tiles.shape == (6 * 64, 6 * 64)
    (scan,) = volumes[ENCODINGS[0]]
    assert scan.spatial_shape == (64, 64, 35)
    cut = [tiles[64 * (n // 6) :, 64 * (n % 6) :][:64, :64].T for n in range(36)]
    assert not cut[35].any(), "the last tile is filling"
    for n in range(35):
        np.testing.assert_array_equal(scan.array[..., n], cut[n])


REFERENCES = {
    "series/siemens_epi_ap": "siemens_epi_ap.nii",
    "series/siemens_epi_pa": "siemens_epi_pa.nii",
    "series/ge_fmri": "ge_fmri.nii",
    ENCODINGS[0]: "transfer_syntax.nii",
}


@pytest.mark.parametrize("name", REFERENCES)
def test_voxels_and_geometry_are_those_of_dcm2niix(samples, volumes, name):
    reference = nib.load(samples / "reference_nifti" / REFERENCES[name])
    theirs = nib.as_closest_canonical(reference)
    voxels = theirs.get_fdata().reshape(*theirs.shape[:3], -1)
    assert len(volumes[name]) == voxels.shape[3]
    for number, scan in enumerate(volumes[name]):
        ours = nib.as_closest_canonical(nib.Nifti1Image(scan.array, scan.affine))
        np.testing.assert_array_equal(ours.get_fdata(), voxels[..., number])
        np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-3)


@pytest.mark.parametrize("name", ["gbm_t1post", "gbm_flair", "mr_sagittal_hfs"])
def test_every_slice_of_a_volume_is_where_its_file_says(samples, name):
    scan = read_scan(samples / "series" / name)
    inverse = np.linalg.inv(scan.affine)
    for path in scan.sources:
        ds = pydicom.dcmread(path)
        x, y, z = np.asarray(ds.ImagePositionPatient, float) * (-1, -1, 1)
        column, row, k = (inverse @ [x, y, z, 1])[:3]
        assert (column, row) == pytest.approx((0, 0), abs=1e-2)
        assert k == pytest.approx(round(k), abs=1e-2)
        values = ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(
            ds.get("RescaleIntercept", 0)
        )
        np.testing.assert_allclose(scan.array[..., round(k)], values.T, rtol=1e-6)


IMAGES = sorted(
    path for path in SHIPPED.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}
)


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: str(path.relative_to(SHIPPED)))
def test_what_pydicom_ships_is_a_scan_or_a_coded_fault(path):
    index = index_folder(path)
    assert len(index.skipped) + len(index.sources) >= 1
    assert {skipped.code for skipped in index.skipped} <= set(FAULTS)
    scans, errors = read_all(index)
    for error in errors:
        assert error.code in FAULTS
        assert error.code != "unreadable", error
    for scan in scans:
        assert np.isfinite(scan.array).all()
        assert {said.code for said in scan.warnings} <= set(WARNINGS)
