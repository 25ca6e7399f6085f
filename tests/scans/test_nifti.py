from __future__ import annotations

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans.nifti import nifti_facts, read_nifti
from tests.scans.dicom.test_series import SPACING, TURNS, turned
from tests.scans.written import letter_f, write_nifti

VOLUME = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
AFFINE = np.asarray([[0, -2.0, 0, 5], [1.5, 0, 0, -7], [0, 0, 3.0, 9], [0, 0, 0, 1]])


def code_of(path, **how):
    with pytest.raises(ScanError) as caught:
        read_nifti(path, **how)
    return caught.value.code


def facts_of(path):
    with path.open("rb") as file:
        return nifti_facts(file, path)


def patched(path, offset, form, *values):
    """Overwrite header fields of a plain NIfTI-1 file (offsets as in nifti1.h)."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, offset, *values)
    path.write_bytes(data)
    return path


DIM, DATATYPE, PIXDIM, VOX_OFFSET, SLOPE, UNITS, QFORM_CODE = 40, 70, 76, 108, 112, 123, 252


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_voxels_and_affine_are_those_of_nibabel(tmp_path, name, kind, order):
    kind(VOLUME, AFFINE, kind.header_class(endianness=order)).to_filename(tmp_path / name)
    scan = read_nifti(tmp_path / name)
    assert scan.array.dtype == np.float32
    assert scan.spatial_dims == 3
    np.testing.assert_array_equal(scan.array, VOLUME)
    np.testing.assert_allclose(scan.affine, AFFINE, atol=1e-6)
    np.testing.assert_allclose(scan.spacing, (1.5, 2, 3))
    assert scan.orientation == "ALS"
    assert (scan.modality, scan.patient_id, scan.sources) == (None, None, (tmp_path / name,))


@pytest.mark.parametrize(("axes", "flips"), TURNS)
def test_a_letter_keeps_its_place_in_the_patient(tmp_path, axes, flips):
    stored, affine = turned(letter_f(), axes, flips)
    scan = read_nifti(write_nifti(tmp_path / "v.nii.gz", stored, affine))
    letters = [("LR", "PA", "IS")[axis][1 - flip] for axis, flip in zip(axes, flips, strict=True)]
    assert scan.orientation == "".join(letters)
    image = nib.as_closest_canonical(nib.Nifti1Image(scan.array, scan.affine))
    np.testing.assert_array_equal(np.asarray(image.dataobj), letter_f())
    np.testing.assert_allclose(image.affine, np.diag([*SPACING, 1]), atol=1e-5)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8", ">i2", ">f4"])
def test_every_plain_type(tmp_path, dtype):
    voxels = VOLUME.astype(dtype)
    nib.Nifti1Image(voxels, AFFINE).to_filename(tmp_path / "v.nii")
    np.testing.assert_array_equal(read_nifti(tmp_path / "v.nii").array, VOLUME)


def test_slope_and_intercept(tmp_path):
    path = patched(write_nifti(tmp_path / "v.nii", VOLUME, AFFINE), SLOPE, "<2f", -0.5, 10)
    np.testing.assert_allclose(read_nifti(path).array, VOLUME * -0.5 + 10)
    np.testing.assert_allclose(read_nifti(path).array, nib.load(path).get_fdata())


@pytest.mark.parametrize("slope", [0, float("nan")])
def test_no_slope_means_as_stored(tmp_path, slope):
    path = patched(write_nifti(tmp_path / "v.nii", VOLUME, AFFINE), SLOPE, "<2f", slope, 10)
    np.testing.assert_array_equal(read_nifti(path).array, VOLUME)


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


def test_one_slice_is_2d(tmp_path):
    for voxels in (VOLUME[:, :, :1], VOLUME[:, :, 0]):
        path = write_nifti(tmp_path / "v.nii.gz", voxels, AFFINE)
        scan = read_nifti(path)
        assert (scan.spatial_dims, facts_of(path).spatial_dims) == (2, 2)
        np.testing.assert_array_equal(scan.array, VOLUME[:, :, 0])
        assert scan.spacing == pytest.approx((1.5, 2))
        assert scan.orientation == "AL"


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


def test_a_fourth_axis_of_one_is_dropped_and_a_real_one_refused(tmp_path):
    path = write_nifti(tmp_path / "one.nii", VOLUME[..., None], AFFINE)
    assert read_nifti(path).array.shape == (3, 4, 5)
    assert (facts_of(path).spatial_dims, facts_of(path).volumes) == (3, 1)
    path = write_nifti(tmp_path / "two.nii", np.stack([VOLUME, VOLUME], -1), AFFINE)
    assert (code_of(path), facts_of(path).volumes) == ("several_time_points", 2)


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_a_header_that_promises_more_than_there_is(tmp_path, name):
    path = patched(write_nifti(tmp_path / "v.nii", VOLUME, AFFINE), DIM, "<4h", 3, 300, 400, 500)
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ScanError, match="of 120000352 bytes") as caught:
        read_nifti(path)
    assert caught.value.code == "truncated_pixels"


def test_a_promise_beyond_the_ceiling_is_refused_from_the_header(tmp_path):
    path = write_nifti(tmp_path / "v.nii", VOLUME, AFFINE)
    assert code_of(patched(path, DIM, "<4h", 3, 3000, 3000, 3000)) == "too_large"
    assert code_of(patched(path, DIM, "<4h", 3, 30000, 2, 2)) == "too_large"


@pytest.mark.parametrize(
    ("offset", "form", "values"),
    [
        (DIM, "<4h", (3, 0, 4, 5)),
        (DIM, "<4h", (3, -3, 4, 5)),
        (DIM, "<2h", (1, 60)),
        (DIM, "<h", (0,)),
        (DIM, "<h", (77,)),
        (DATATYPE, "<h", (9999,)),
        (VOX_OFFSET, "<f", (float("nan"),)),
        (VOX_OFFSET, "<f", (-5.0,)),
        (VOX_OFFSET, "<f", (1e20,)),
        (SLOPE, "<2f", (float("inf"), 0)),
        (SLOPE, "<2f", (1, float("inf"))),
    ],
)
def test_nonsense_in_the_header_is_damage(tmp_path, offset, form, values):
    path = patched(write_nifti(tmp_path / "v.nii", VOLUME, AFFINE), offset, form, *values)
    assert code_of(path) == "damaged_nifti"


def test_damaged_and_short_gzip(tmp_path):
    path = write_nifti(
        tmp_path / "v.nii.gz", np.random.default_rng(0).integers(0, 99, (9, 9, 9), "i2"), AFFINE
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 200])
    assert code_of(path) == "truncated_pixels"
    path.write_bytes(data[:-300] + bytes(60) + data[-240:])
    assert code_of(path) in {"damaged_nifti", "truncated_pixels"}


def test_a_wrong_checksum_is_damage(tmp_path):
    path = write_nifti(tmp_path / "v.nii.gz", VOLUME, AFFINE)
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF
    path.write_bytes(data)
    assert code_of(path) == "damaged_nifti"


def test_colour_voxels(tmp_path):
    rgb = np.zeros((3, 4, 1), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["R"][2, 1, 0], rgb["B"][0, 3, 0] = 200, 100
    path = write_nifti(tmp_path / "v.nii", rgb, AFFINE)
    scan = read_nifti(path)
    assert scan.array.shape == (3, 4, 3)
    assert scan.array[2, 1].tolist() == [200, 0, 0]
    assert scan.array[0, 3].tolist() == [0, 0, 100]
    path = write_nifti(tmp_path / "w.nii", np.repeat(rgb, 2, axis=2), AFFINE)
    scan = read_nifti(path)
    assert (scan.array.shape, scan.spatial_dims, scan.n_channels) == ((3, 4, 2, 3), 3, 3)
    assert scan.array[2, 1, 1].tolist() == [200, 0, 0]


def test_complex_voxels_are_refused(tmp_path):
    assert code_of(write_nifti(tmp_path / "v.nii", VOLUME.astype("c8"), AFFINE)) == (
        "unsupported_pixels"
    )


def test_nan_is_replaced_and_said(tmp_path):
    voxels = VOLUME.astype(np.float32) - 30
    voxels[0, 0, 0] = np.nan
    scan = read_nifti(write_nifti(tmp_path / "v.nii", voxels, AFFINE))
    assert scan.array[0, 0, 0] == scan.array.min() == -29
    assert "1 values" in scan.warnings[0]


def test_real_volumes_equal_nibabel(medsiam_data):
    files = [
        *sorted((medsiam_data / "acdc_cardiac_mri/volumes").iterdir())[:2],
        *sorted((medsiam_data / "msd_hippocampus").rglob("*.nii.gz"))[:2],
        *sorted((medsiam_data / "adrenalmnist3d_64").rglob("*.nii.gz"))[:2],
    ]
    assert len(files) == 6
    for path in files:
        image = nib.load(path)
        scan = read_nifti(path)
        np.testing.assert_allclose(scan.array, image.get_fdata(dtype=np.float32), rtol=1e-6)
        if "acdc" in str(path):  # its affines have steps of 1 mm beside a true pixdim
            np.testing.assert_allclose(scan.spacing, image.header.get_zooms())
            np.testing.assert_array_equal(np.sign(scan.affine), np.sign(image.affine))
        elif scan.affine is not None:
            np.testing.assert_allclose(scan.affine, image.affine)
        coded = int(image.header["sform_code"]) + int(image.header["qform_code"]) > 0
        assert (scan.affine is not None) == coded
