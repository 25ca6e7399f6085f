from __future__ import annotations

import gzip
import os
import struct
import time
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.preprocessing import Recipe, prepare
from medsiam.scans import nifti
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


def test_one_slice_is_2d(tmp_path):
    for voxels in (VOLUME[:, :, :1], VOLUME[:, :, 0]):
        path = write_nifti(tmp_path / "v.nii.gz", voxels, AFFINE)
        scan = read_nifti(path)
        assert (scan.spatial_dims, facts_of(path).spatial_dims) == (2, 2)
        np.testing.assert_array_equal(scan.array, VOLUME[:, :, 0])
        assert scan.spacing == pytest.approx((1.5, 2))
        assert scan.orientation == "AL"


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


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("trailing", [(4,), (1, 4), (2, 3)])
def test_each_part_is_the_volume_that_nibabel_has_there(tmp_path, kind, name, trailing):
    voxels = np.random.default_rng(1).integers(-999, 999, (3, 4, 5, *trailing)).astype(np.int16)
    kind(voxels, AFFINE).to_filename(tmp_path / name)
    volumes = nib.load(tmp_path / name).get_fdata().reshape((3, 4, 5, -1), order="F")
    facts = facts_of(tmp_path / name)
    assert (facts.volumes, facts.shape) == (volumes.shape[-1], (3, 4, 5))
    assert facts.over_time == (trailing == (4,))
    for part in range(facts.volumes):
        scan = read_nifti(tmp_path / name, part=part)
        np.testing.assert_array_equal(scan.array, volumes[..., part])
        np.testing.assert_allclose(scan.affine, AFFINE, atol=1e-6)
    for part in (-1, facts.volumes):
        assert code_of(tmp_path / name, part=part) == "no_such_part"


def test_the_one_volume_is_part_0(tmp_path):
    path = write_nifti(tmp_path / "v.nii", VOLUME, AFFINE)
    np.testing.assert_array_equal(read_nifti(path, part=0).array, VOLUME)
    assert code_of(path, part=1) == "no_such_part"


def test_volumes_before_a_cut_can_be_read(tmp_path):
    path = write_nifti(tmp_path / "v.nii", np.stack([VOLUME, VOLUME + 1], -1), AFFINE)
    path.write_bytes(path.read_bytes()[:-7])
    np.testing.assert_array_equal(read_nifti(path, part=0).array, VOLUME)
    assert code_of(path, part=1) == "truncated_pixels"


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_one_part_needs_the_memory_of_one(tmp_path, name):
    voxels = np.zeros((128, 128, 32, 40), np.int16)
    voxels[..., 39] = 7
    write_nifti(tmp_path / name, voxels, AFFINE)
    tracemalloc.start()
    scan = read_nifti(tmp_path / name, part=39)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scan.array.min() == 7
    assert peak < 8 * scan.array.nbytes  # all volumes would be 20 times as much, unscaled


def test_slabs_join_without_a_seam(tmp_path, monkeypatch):
    monkeypatch.setattr(nifti, "_SLAB", 50)  # 2 slices of 12 voxels
    path = write_nifti(tmp_path / "v.nii.gz", VOLUME, AFFINE)
    np.testing.assert_array_equal(read_nifti(path).array, VOLUME)


@pytest.mark.parametrize("intent", [1005, 1006, 1007])
def test_vectors_are_no_time_points(tmp_path, intent):
    image = nib.Nifti1Image(np.zeros((3, 4, 5, 1, 6), np.float32), AFFINE)
    image.header["intent_code"] = intent
    image.to_filename(tmp_path / "v.nii")
    assert code_of(tmp_path / "v.nii") == "unsupported_pixels"
    assert code_of(tmp_path / "v.nii", part=0) == "unsupported_pixels"


def test_rgba_keeps_three_colours_of_each_volume(tmp_path):
    names = ("R", "G", "B", "A")
    rgba = np.zeros((3, 4, 5, 2), [(name, "u1") for name in names])
    for k, name in enumerate(names):
        rgba[name] = np.random.default_rng(k).integers(0, 255, rgba.shape)
    path = write_nifti(tmp_path / "v.nii.gz", rgba, AFFINE)
    for part in range(2):
        expected = np.stack([rgba[name][..., part] for name in "RGB"], -1)
        np.testing.assert_array_equal(read_nifti(path, part=part).array, expected)


def test_colour_volumes_can_be_prepared(tmp_path):
    rgb = np.zeros((6, 8, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["G"][3:] = 200
    scan = read_nifti(write_nifti(tmp_path / "v.nii", rgb, np.eye(4)))
    for channels in (1, 3):
        recipe = Recipe(spatial_dims=3, spatial_size=(6, 8, 4), in_channels=channels)
        assert prepare(scan, recipe).shape == (channels, 6, 8, 4)


@pytest.mark.parametrize("code", [1, 32, 1536, 1792, 2048])  # bits, complex, long double
def test_voxels_without_a_grey_value_are_refused(tmp_path, code):
    path = patched(write_nifti(tmp_path / "v.nii", VOLUME, AFFINE), DATATYPE, "<h", code)
    assert code_of(path) in {"unsupported_pixels", "damaged_nifti"}


# What lying headers promise, and what it comes to.
LIES = {
    "18 GB in 377 bytes": ((DIM, "<5h", 4, 1000, 1000, 400, 23), "too_large"),
    "9 GB in 377 bytes": ((DIM, "<5h", 4, 1000, 1000, 400, 10), "several_time_points"),
    "one volume of 18 GB": ((DIM, "<4h", 3, 16000, 16000, 70), "too_large"),
    "a wide one": ((DIM, "<4h", 3, 32767, 2, 2), "too_large"),
    "a large one": ((DIM, "<4h", 3, 16000, 16000, 2), "truncated_pixels"),
    "too many volumes": ((DIM, "<5h", 4, 1, 1, 1, 10_001), "too_large"),
    "all axes": ((DIM, "<8h", 7, *[32767] * 7), "too_large"),
    "a negative axis": ((DIM, "<4h", 3, 4, -4, 4), "damaged_nifti"),
    "behind the end": ((VOX_OFFSET, "<f", 60_000_000.0), "truncated_pixels"),
    "far behind the end": ((VOX_OFFSET, "<f", 4e9), "damaged_nifti"),
    "within the header": ((VOX_OFFSET, "<f", 4.0), "damaged_nifti"),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("part", [None, 0])
def test_lying_headers_cost_neither_time_nor_memory(tmp_path, lie, name, part):
    change, code = LIES[lie]
    path = patched(write_nifti(tmp_path / "w.nii", VOLUME, AFFINE), *change)
    data = path.read_bytes()[:377]
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    if part == 0 and code == "several_time_points":
        code = "truncated_pixels"
    start = time.monotonic()
    tracemalloc.start()
    found = code_of(path, part=part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == code
    assert peak < 20_000_000
    assert time.monotonic() - start < 1


def test_sizes_of_64_bits_are_refused(tmp_path):
    nib.Nifti2Image(VOLUME, AFFINE).to_filename(tmp_path / "v.nii")
    path = patched(tmp_path / "v.nii", 16, "<4q", 3, 2**62, 2**62, 2)
    assert code_of(path) == "too_large"
    assert code_of(patched(path, 16, "<4q", 3, 4, 4, 2**62)) == "too_large"
    assert code_of(patched(path, 16, "<4q", 3, 4, -(2**62), 2)) == "damaged_nifti"


def test_gzip_that_goes_on_behind_the_voxels_is_refused(tmp_path):
    plain = write_nifti(tmp_path / "v.nii", VOLUME, AFFINE).read_bytes()
    path = tmp_path / "v.nii.gz"
    path.write_bytes(gzip.compress(plain + bytes(1000)))
    np.testing.assert_array_equal(read_nifti(path).array, VOLUME)
    path.write_bytes(gzip.compress(plain + bytes(100_000_000), compresslevel=1))
    start = time.monotonic()
    assert code_of(path) == "expands_too_much"
    assert time.monotonic() - start < 1


def test_a_volume_that_expands_to_gigabytes_is_refused_from_the_header(tmp_path):
    head = patched(write_nifti(tmp_path / "v.nii", VOLUME, AFFINE), DIM, "<4h", 3, 800, 800, 799)
    data = patched(head, DATATYPE, "<2h", 64, 64).read_bytes()[:352]  # 4 GB of float64
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress(data + os.urandom(8_000_000)))
    start = time.monotonic()
    assert code_of(tmp_path / "v.nii.gz") == "expands_too_much"
    assert time.monotonic() - start < 1


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
