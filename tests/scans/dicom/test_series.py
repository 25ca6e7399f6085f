from __future__ import annotations

import itertools
import shutil

import nibabel as nib
import numpy as np
import pydicom
import pytest
from nibabel.orientations import aff2axcodes

from medsiam.errors import ScanError
from medsiam.scans.dicom.header import read_header
from medsiam.scans.dicom.series import drop_repeated, read_series, split_series, why_split
from tests.scans.written import letter_f, write, write_nifti, write_stack

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def code_of(files):
    with pytest.raises(ScanError) as caught:
        read_series(files)
    return caught.value.code


def headers_of(files):
    return [read_header(path) for path in files]


# Eight ways in which the axes of a volume can run through the patient: (which patient axis of
# RAS each stored axis follows, which of them are turned round).
TURNS = [
    ((0, 1, 2), (0, 0, 0)),
    ((0, 1, 2), (1, 0, 0)),
    ((0, 1, 2), (0, 1, 0)),
    ((0, 1, 2), (1, 1, 0)),
    ((1, 0, 2), (0, 1, 0)),
    ((0, 2, 1), (1, 1, 0)),
    ((1, 2, 0), (0, 1, 1)),
    ((2, 0, 1), (1, 0, 1)),
]
SPACING = (0.7, 1.1, 2.5)  # along R, A, S


def turned(volume: np.ndarray, axes, flips) -> tuple[np.ndarray, np.ndarray]:
    """Store a RAS volume with other axes; return it with its affine, made by plain loops."""
    stored = np.transpose(volume, axes)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for column, axis in enumerate(axes):
        affine[axis, column] = SPACING[axis]
        if flips[column]:
            stored = np.flip(stored, column)
            affine[axis, column] *= -1
            affine[axis, 3] = SPACING[axis] * (volume.shape[axis] - 1)
    return np.ascontiguousarray(stored), affine


def write_turned(folder, stored, affine):
    """Write each stored[:, :, k] as a DICOM slice, with tags from the affine; names shuffled."""
    lps = np.diag([-1, -1, 1, 1]) @ affine
    x, y = (lps[:3, i] / np.linalg.norm(lps[:3, i]) for i in (0, 1))
    spacing = [np.linalg.norm(lps[:3, i]) for i in (1, 0)]
    return [
        write(
            folder / f"{(7 * k) % 11:02d}",
            np.ascontiguousarray(stored[:, :, k].T),
            position=(lps @ [0, 0, k, 1])[:3],
            orientation=[*x, *y],
            spacing=spacing,
        )
        for k in range(stored.shape[2])
    ]


def in_ras(array, affine):
    """Bring a volume to RAS+ with nibabel, an independent reader of affines."""
    image = nib.as_closest_canonical(nib.Nifti1Image(array, affine))
    return np.asarray(image.dataobj), image.affine


@pytest.mark.parametrize(("axes", "flips"), TURNS)
def test_a_letter_keeps_its_place_in_the_patient(tmp_path, axes, flips):
    phantom = letter_f()
    stored, affine = turned(phantom, axes, flips)
    as_dicom = read_series(write_turned(tmp_path, stored, affine))
    write_nifti(tmp_path / "v.nii", stored, affine)
    as_nifti = nib.load(tmp_path / "v.nii")
    for array, where in (
        (as_dicom.array, as_dicom.affine),
        (np.asarray(as_nifti.dataobj), as_nifti.affine),
    ):
        ras, ras_affine = in_ras(array, where)
        np.testing.assert_array_equal(ras, phantom)
        np.testing.assert_allclose(ras_affine, np.diag([*SPACING, 1]), atol=1e-5)
    assert as_dicom.orientation == "".join(aff2axcodes(as_dicom.affine))
    # In-plane letters are the stored ones; slices always run along the normal.
    assert as_dicom.orientation[:2] == "".join(aff2axcodes(affine))[:2]


def test_names_have_no_say_in_the_order(tmp_path):
    for order in itertools.islice(itertools.permutations(range(5)), 0, 120, 37):
        folder = tmp_path / "".join(map(str, order))
        files = [write(folder / f"{k}", VOLUME[z], position=(0, 0, z)) for k, z in enumerate(order)]
        scan = read_series(files)
        np.testing.assert_array_equal(scan.array, VOLUME.transpose(2, 1, 0))
        assert sorted(scan.sources) == sorted(files)


def test_one_file_is_one_slice(tmp_path):
    assert read_series([write(tmp_path / "a", VOLUME[0])]).spatial_dims == 2


def test_gaps_and_time_points(tmp_path):
    files = write_stack(tmp_path / "gap", VOLUME)
    with pytest.raises(ScanError, match=r"between 2 and 3 \(4 mm\)") as caught:
        read_series([files[0], files[1], files[3], files[4]])
    assert caught.value.code == "missing_slices"
    again = write_stack(tmp_path / "later", VOLUME)
    assert code_of([*files, *again]) == "several_time_points"
    assert code_of([*files, again[0]]) == "repeated_positions"


def test_copies_of_a_slice_are_left_out_and_the_largest_stays(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    cut = tmp_path / "0-cut.dcm"
    cut.write_bytes(files[2].read_bytes()[:-7])
    whole = shutil.copy(files[3], tmp_path / "zz.dcm")
    scan = read_series(sorted([*files, cut, whole]))
    np.testing.assert_array_equal(scan.array, VOLUME.transpose(2, 1, 0))
    assert len(scan.sources) == 5
    assert cut not in scan.sources
    assert scan.warnings[0].startswith("2 of 7 files repeat a slice")


def test_one_uid_for_all_slices_drops_none(tmp_path):
    files = write_stack(tmp_path, VOLUME, SOPInstanceUID="1.2.3")
    slices, said = drop_repeated(headers_of(files))
    assert len(slices) == 5
    assert said == ()
    assert read_series(files).array.shape == (3, 4, 5)


def test_a_series_may_be_spread_over_folders_but_copies_of_it_stay_apart(tmp_path):
    files = write_stack(tmp_path / "a", VOLUME)
    (tmp_path / "b").mkdir()
    moved = [files[1].rename(tmp_path / "b/1.dcm"), files[4].rename(tmp_path / "b/4.dcm")]
    spread = headers_of([files[0], files[2], files[3], *moved])
    assert [len(part) for part in split_series(spread)] == [5]
    shutil.copytree(tmp_path / "b", tmp_path / "copy")
    copies = headers_of(sorted((tmp_path / "copy").iterdir()))
    assert sorted(len(part) for part in split_series([*spread, *copies])) == [2, 5]


def test_one_uid_for_all_pictures_of_two_time_points_mixes_nothing(tmp_path):
    for time in (0, 1):
        for z in range(5):
            write(
                tmp_path / f"{z}-{time}", VOLUME[z] + 100 * time, position=(0, 0, 2 * z),
                SOPInstanceUID="1.2.3", InstanceNumber=5 * time + z,
            )  # fmt: skip
    parts = split_series(headers_of(sorted(tmp_path.iterdir())))
    for time, part in enumerate(parts):
        scan = read_series([header.path for header in part])
        np.testing.assert_array_equal(scan.array, VOLUME.transpose(2, 1, 0) + 100 * time)
    assert len(parts) == 2


def test_a_slice_that_two_folders_share_cuts_no_series_in_two(tmp_path):
    files = write_stack(tmp_path / "a", VOLUME)
    (tmp_path / "b").mkdir()
    moved = [files[k].rename(tmp_path / f"b/{k}.dcm") for k in (3, 4)]
    shutil.copy(files[2], tmp_path / "b/2.dcm")
    found = [*files[:3], *moved, tmp_path / "b/2.dcm"]
    (part,) = split_series(headers_of(found))
    scan = read_series([header.path for header in part])
    np.testing.assert_array_equal(scan.array, VOLUME.transpose(2, 1, 0))
    assert scan.warnings[0].code == "repeated_slices"


def test_a_folder_for_each_slice_and_one_slice_twice(tmp_path):
    for k, stored in enumerate(VOLUME):
        write(tmp_path / f"{k}/image", stored, position=(0, 0, 2 * k), SOPInstanceUID=f"1.2.{k}")
    shutil.copytree(tmp_path / "2", tmp_path / "again")
    (part,) = split_series(headers_of(sorted(tmp_path.rglob("image"))))
    assert len(part) == 6


def test_copies_of_a_single_slice_are_that_slice(tmp_path):
    path = write(tmp_path / "a", VOLUME[0])
    scan = read_series([path, shutil.copy(path, tmp_path / "b")])
    assert scan.spatial_dims == 2
    assert "1 of 2 files" in scan.warnings[0]


def test_a_localizer_never_bends_a_volume(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    files.append(write(tmp_path / "scout", VOLUME[0], orientation=(0, 1, 0, 0, 0, -1)))
    parts = split_series(headers_of(files))
    assert sorted(len(part) for part in parts) == [1, 5]
    assert code_of(files) == "mixed_orientation"


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"stored": np.zeros((4, 5), np.int16)}, "mixed_matrix"),
        ({"orientation": (0, 1, 0, 0, 0, -1)}, "mixed_orientation"),
        ({"spacing": (1.0, 1.2)}, "mixed_spacing"),
        ({"PatientID": "someone-else"}, "several_series"),
        ({"StudyInstanceUID": "1.2.3"}, "several_series"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "several_series"),
    ],
)
def test_what_differs_is_held_apart_and_named(tmp_path, other, code):
    stored = other.pop("stored", VOLUME[0])
    files = [
        *write_stack(tmp_path, VOLUME[:2]),
        write(tmp_path / "other", stored, position=(0, 0, 4), **other),
    ]
    parts = split_series(headers_of(files))
    assert [len(part) for part in parts] == [2, 1]
    assert why_split([part[0] for part in parts])[0] == code
    assert code_of(files) == code


def test_tiny_differences_of_direction_hold_nothing_apart(tmp_path):
    files = write_stack(tmp_path, VOLUME[:2])
    files.append(
        write(tmp_path / "x", VOLUME[2], position=(0, 0, 4), orientation=(1, 1e-5, 0, -1e-5, 1, 0))
    )
    assert len(split_series(headers_of(files))) == 1


@pytest.mark.parametrize("lone", [{"series": None}, {"position": None}])
def test_without_series_or_position_each_file_stands_alone(tmp_path, lone):
    files = [write(tmp_path / f"{k}", VOLUME[k], **{"position": (0, 0, k), **lone}) for k in (0, 1)]
    assert [len(part) for part in split_series(headers_of(files))] == [1, 1]


def test_slices_without_positions_are_named_so(tmp_path):
    files = write_stack(tmp_path, VOLUME, position=None)
    assert code_of(files) == "no_geometry"


def test_mosaics_are_never_stacked(tmp_path):
    files = write_stack(tmp_path, VOLUME, ImageType=["ORIGINAL", "MOSAIC"])
    assert [len(part) for part in split_series(headers_of(files))] == [1] * 5
    assert code_of(files) == "several_time_points"


def test_a_volume_of_one_series_is_in_the_order_of_its_slices(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    (part,) = split_series(headers_of([files[k] for k in (3, 0, 4, 1, 2)]))
    assert [header.path for header in part] == files


def test_gaps_are_filled_only_where_that_is_allowed(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    del files[2]
    scan = read_series(files, allow_resample=True)
    np.testing.assert_allclose(scan.array, VOLUME.transpose(2, 1, 0))  # it rises evenly
    assert scan.warnings[0].code == "resampled"


def test_the_slices_of_a_volume_have_no_parts(tmp_path):
    with pytest.raises(ScanError) as caught:
        read_series(write_stack(tmp_path, VOLUME), part=0)
    assert caught.value.code == "no_such_part"


def test_a_damaged_slice_is_named(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    files[3].write_bytes(files[3].read_bytes()[:-9])
    with pytest.raises(ScanError, match=r"3\.dcm") as caught:
        read_series(files)
    assert caught.value.code == "truncated_pixels"


def test_a_real_volume_is_where_pydicom_says(medsiam_data):
    """Voxels and their places against a plain loop over the files' own tags."""
    for name in ("gbm_flair", "mr_sagittal_hfs"):
        files = sorted((medsiam_data / "dicom_samples/series" / name).iterdir())
        scan = read_series(files)
        assert scan.array.shape[2] == len(files)
        inverse = np.linalg.inv(scan.affine)
        for path in files:
            ds = pydicom.dcmread(path)
            x, y, z = (float(v) for v in ds.ImagePositionPatient)
            voxel = inverse @ [-x, -y, z, 1]
            k = round(float(voxel[2]))
            np.testing.assert_allclose(voxel[:3], [0, 0, k], atol=2e-3)
            np.testing.assert_array_equal(scan.array[..., k], ds.pixel_array.T)


def test_one_time_point_of_a_real_series_equals_dcm2niix(medsiam_data):
    folder = medsiam_data / "dicom_samples"
    at_position: dict[float, list] = {}
    for path in sorted((folder / "series/ge_fmri").iterdir()):
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        at_position.setdefault(float(ds.ImagePositionPatient[2]), []).append(
            (int(ds.InstanceNumber), path)
        )
    reference = nib.load(folder / "reference_nifti/ge_fmri.nii")
    for time in (0, 9):
        files = [sorted(found)[time][1] for found in at_position.values()]
        scan = read_series(files)
        ours, our_affine = in_ras(scan.array, scan.affine)
        theirs, their_affine = in_ras(np.asarray(reference.dataobj)[..., time], reference.affine)
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_allclose(our_affine, their_affine, atol=1e-3)
