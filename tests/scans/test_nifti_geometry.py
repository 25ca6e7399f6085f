from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from medsiam.scans.nifti import read_nifti
from tests.scans.test_nifti import AFFINE, PIXDIM, UNITS, VOLUME, VOX_OFFSET, patched
from tests.scans.written import write_nifti


def test_no_codes_no_affine_and_no_spacing_without_a_unit(tmp_path):
    path = write_nifti(tmp_path / "v.nii", VOLUME)
    scan = read_nifti(path)
    assert (scan.affine, scan.spacing, scan.orientation) == (None, None, None)


@pytest.mark.parametrize(
    ("unit", "zooms", "spacing"),
    [
        (2, (0.5, 1, 2), (0.5, 1, 2)),
        (3, (500, 1000, 2000), (0.5, 1, 2)),  # micrometres
        (1, (0.0005, 0.001, 0.002), (0.5, 1, 2)),  # metres
        (0, (0.5, 1, 2), None),
        (2, (0, 1, 2), None),
        (2, (-1, 1, 2), None),
        (1, (0.5, 1, 2), None),  # half a metre is no voxel
        (7, (1, 1, 1), None),
    ],
)
def test_spacing_without_affine_needs_a_unit_and_sense(tmp_path, unit, zooms, spacing):
    path = write_nifti(tmp_path / "v.nii", VOLUME)
    patched(path, PIXDIM + 4, "<3f", *zooms)
    patched(path, UNITS, "<b", unit)
    scan = read_nifti(path)
    assert scan.affine is None
    assert scan.spacing == (None if spacing is None else pytest.approx(spacing))


def test_an_affine_in_micrometres_comes_out_in_mm(tmp_path):
    path = patched(
        write_nifti(tmp_path / "v.nii", VOLUME, np.diag([250, 500, 1000, 1.0])), UNITS, "<b", 3
    )
    assert read_nifti(path).spacing == pytest.approx((0.25, 0.5, 1))


def test_sform_goes_before_qform_and_disagreement_is_said(tmp_path):
    image = nib.Nifti1Image(VOLUME, AFFINE)
    other = AFFINE.copy()
    other[0, 3] += 30
    image.set_sform(AFFINE, 2)
    image.set_qform(other, 1)
    nib.save(image, tmp_path / "both.nii")
    scan = read_nifti(tmp_path / "both.nii")
    np.testing.assert_allclose(scan.affine, AFFINE, atol=1e-5)
    assert scan.warnings == ("sform and qform disagree; the sform is used",)
    image.set_sform(None, 0)
    nib.save(image, tmp_path / "q.nii")
    np.testing.assert_allclose(read_nifti(tmp_path / "q.nii").affine, other, atol=1e-5)
    assert read_nifti(tmp_path / "q.nii").warnings == ()


def sform_beside(tmp_path, steps, zooms):
    image = nib.Nifti1Image(VOLUME, np.diag([*steps, 1.0]))
    image.header.set_xyzt_units("mm")
    image.set_qform(None, 0)
    image.to_filename(tmp_path / "v.nii")
    return read_nifti(patched(tmp_path / "v.nii", PIXDIM + 4, "<3f", *zooms))


def test_plain_steps_of_1_mm_beside_a_voxel_size_take_that_size(tmp_path):
    scan = sform_beside(tmp_path, (-1, 1, 1), (1.5, 2, 10))
    np.testing.assert_allclose(scan.affine, np.diag([-1.5, 2, 10, 1]))
    assert scan.spacing == pytest.approx((1.5, 2, 10))
    assert "the header's voxel size is 1.5 x 2 x 10 mm" in scan.warnings[0]


@pytest.mark.parametrize(
    ("steps", "zooms"), [((-1, 1, 1), (1, 1, 1)), ((2, 2, 3), (1, 1, 1)), ((1, 1, 1), (0, 2, 2))]
)
def test_otherwise_the_affine_stands(tmp_path, steps, zooms):
    scan = sform_beside(tmp_path, steps, zooms)
    np.testing.assert_allclose(scan.affine, np.diag([*steps, 1]))
    assert scan.warnings == ()


def test_an_affine_that_flattens_space_is_not_used(tmp_path):
    image = nib.Nifti1Image(VOLUME, AFFINE)
    image.header["srow_y"] = image.header["srow_x"]
    image.header["qform_code"] = 0
    image.header["sform_code"] = 1
    with (tmp_path / "v.nii").open("wb") as file:
        file.write(image.header.binaryblock + bytes(4) + VOLUME.tobytes("F"))
    scan = read_nifti(patched(tmp_path / "v.nii", VOX_OFFSET, "<f", 352))
    assert scan.affine is None
    assert "cannot be inverted" in scan.warnings[0]


def test_one_slice_of_no_thickness_has_a_direction_all_the_same(tmp_path):
    flat = AFFINE.copy()
    flat[:3, 2] = 0
    image = nib.Nifti1Image(VOLUME[:, :, :1], AFFINE)
    image.header["srow_z"][2] = 0
    image.header["qform_code"] = 0
    image.header["sform_code"] = 1
    with (tmp_path / "v.nii").open("wb") as file:
        file.write(image.header.binaryblock + bytes(4) + VOLUME[:, :, 0].tobytes("F"))
    scan = read_nifti(patched(tmp_path / "v.nii", VOX_OFFSET, "<f", 352))
    assert abs(scan.affine[2, 2]) == pytest.approx(1)
