from __future__ import annotations

import csv
import sys
import threading
import zipfile
from collections import Counter

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from medsiam.errors import ScanError
from medsiam.scans import FAULTS, Scan, read_scan
from tests.scans.written import (
    SECRET,
    SECRET_ID,
    SHIPPED,
    dataset,
    write,
    write_nifti,
    write_stack,
)

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def code_of(path):
    with pytest.raises(ScanError) as caught:
        read_scan(path)
    assert str(path) in str(caught.value)
    return caught.value.code


def outcome(path) -> str:
    try:
        scan = read_scan(path)
    except ScanError as error:
        return error.code if error.code in FAULTS else f"not listed: {error.code}"
    return f"{scan.spatial_dims}D" if np.isfinite(scan.array).all() else "not finite"


def test_a_path_or_its_text(tmp_path):
    path = write(tmp_path / "a", VOLUME[0])
    np.testing.assert_array_equal(read_scan(str(path)).array, read_scan(path).array)


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty_file"), (b"words " * 99, "unknown_format")]
)
def test_what_is_no_scan(tmp_path, content, code):
    (tmp_path / "scan.dcm").write_bytes(content)
    assert code_of(tmp_path / "scan.dcm") == code


def test_a_missing_file(tmp_path):
    assert code_of(tmp_path / "gone") == "missing_file"


def test_folders_of_one(tmp_path):
    write_stack(tmp_path / "d/study/series", VOLUME)
    assert read_scan(tmp_path / "d").array.shape == (3, 4, 5)
    (tmp_path / "n").mkdir()
    write_nifti(tmp_path / "n/v.nii.gz", VOLUME)
    assert read_scan(tmp_path / "n").array.shape == (5, 4, 3)
    (tmp_path / "i").mkdir()
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(tmp_path / "i/x.png")
    assert read_scan(tmp_path / "i").array.shape == (3, 4)


def test_a_part_of_a_file_of_a_folder_and_of_an_archive(tmp_path):
    volumes = np.stack([VOLUME, VOLUME + 1], -1)
    (tmp_path / "f").mkdir()
    path = write_nifti(tmp_path / "f/v.nii.gz", volumes)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.write(path, "in/v.nii.gz")
    for place in (path, tmp_path / "f", tmp_path / "x.zip"):
        for part in (0, 1):
            np.testing.assert_array_equal(read_scan(place, part=part).array, volumes[..., part])
        for part in (-1, 2):
            with pytest.raises(ScanError) as caught:
                read_scan(place, part=part)
            assert caught.value.code == "no_such_part"
        assert code_of(place) == "several_time_points"


def test_a_part_of_a_series_of_several_volumes(tmp_path):
    for k in range(2):
        write_stack(
            tmp_path / str(k), VOLUME + k, AcquisitionNumber=k, TemporalPositionIdentifier=k + 1
        )
    assert code_of(tmp_path) == "several_time_points"
    for k in range(2):
        np.testing.assert_array_equal(
            read_scan(tmp_path, part=k).array, (VOLUME + k).transpose(2, 1, 0)
        )


def test_a_part_does_not_choose_between_series(tmp_path):
    write_nifti(tmp_path / "a.nii", VOLUME)
    write_nifti(tmp_path / "b.nii", VOLUME)
    with pytest.raises(ScanError, match="2 scans") as caught:
        read_scan(tmp_path, part=0)
    assert caught.value.code == "several_series"


def test_an_archive_is_read_like_its_folder(tmp_path):
    files = write_stack(tmp_path / "s", VOLUME)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        for file in files:
            packed.write(file, f"study/{file.name}")
        packed.writestr("notes.txt", "words")
    scan, expected = read_scan(tmp_path / "x.zip"), read_scan(tmp_path / "s")
    assert scan.content_hash == expected.content_hash
    assert scan.sources[0] == tmp_path / "x.zip/study/0.dcm"
    assert scan.warnings == ("1 other files in the folder were left out (1 unknown_format)",)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as packed:
        for file in files:
            packed.write(file, f"a/{file.name}")
        packed.writestr("b.dcm", write(tmp_path / "o", np.zeros((4, 6), np.int16)).read_bytes())
    assert code_of(tmp_path / "two.zip") == "mixed_matrix"
    (tmp_path / "cut.zip").write_bytes((tmp_path / "x.zip").read_bytes()[:-30])
    assert code_of(tmp_path / "cut.zip") == "damaged_archive"


def test_junk_beside_a_series_is_left_out_and_said(tmp_path):
    write_stack(tmp_path, VOLUME)
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "empty").touch()
    scan = read_scan(tmp_path)
    assert scan.array.shape == (3, 4, 5)
    assert scan.warnings == (
        "2 other files in the folder were left out (1 empty_file, 1 unknown_format)",
    )


def test_localizers_beside_a_series_are_left_out_and_said(tmp_path):
    write_stack(tmp_path, VOLUME)
    for k, orientation in enumerate([(0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)]):
        write(
            tmp_path / f"scout{k}",
            VOLUME[0],
            orientation=orientation,
            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        )
    scan = read_scan(tmp_path)
    assert scan.array.shape == (3, 4, 5)
    assert scan.warnings[0] == "2 localizer images were left out"


def test_several_series_are_counted_and_info_is_named(tmp_path):
    write_stack(tmp_path / "a", VOLUME)
    write_stack(tmp_path / "b", VOLUME, series="1.2.3")
    write_nifti(tmp_path / "v.nii", VOLUME)
    with pytest.raises(ScanError, match=r"3 scans \(2 DICOM, 1 NIfTI\).*medsiam info") as caught:
        read_scan(tmp_path)
    assert caught.value.code == "several_series"


def test_one_series_of_two_sizes_is_mixed_matrix(tmp_path):
    write_stack(tmp_path, VOLUME)
    write(tmp_path / "other", np.zeros((4, 6), np.int16))
    assert code_of(tmp_path) == "mixed_matrix"


def test_folders_of_nothing(tmp_path):
    assert code_of(tmp_path) == "no_scan"
    (tmp_path / "x").write_text("words")
    with pytest.raises(ScanError, match="1 unknown_format"):
        read_scan(tmp_path)


def test_no_message_names_the_patient(tmp_path):
    cut = write(tmp_path / "cut", VOLUME[0])
    cut.write_bytes(cut.read_bytes()[:-9])
    slope = write(tmp_path / "slope", VOLUME[0], RescaleSlope=0)
    rows = write(tmp_path / "rows", VOLUME[0], Rows=60_000)
    for path in (cut, slope, rows, tmp_path):
        with pytest.raises(ScanError) as caught:
            read_scan(path)
        chain = [caught.value, caught.value.__cause__]
        for error in filter(None, chain):
            assert SECRET not in str(error)
            assert SECRET_ID not in str(error)


def test_nesting_without_end_is_a_fault(tmp_path):
    ds = dataset(VOLUME[0])
    inner = Dataset()
    for _ in range(300):
        outer = Dataset()
        outer.ReferencedImageSequence = [inner]
        inner = outer
    ds.ReferencedImageSequence = [inner]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # to write it
    try:
        ds.save_as(tmp_path / "deep", enforce_file_format=True)
    finally:
        sys.setrecursionlimit(limit)
    assert outcome(tmp_path / "deep") in {"2D", "unreadable", "truncated_pixels"}


def test_threads_read_side_by_side(tmp_path):
    write_stack(tmp_path, VOLUME)
    found = []

    def read():
        found.extend(read_scan(tmp_path).content_hash for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 15
    assert len(set(found)) == 1


# What each row of labels.csv must come to; "expected" there says why.
SAMPLES = {
    "series/gbm_t1post": "3D",
    "series/gbm_flair": "3D",
    "series/gbm_hippocampus_crop": "3D",
    "series/siemens_epi_ap": "several_time_points",
    "series/siemens_epi_pa": "several_time_points",
    "series/ge_fmri": "several_time_points",
    "series/mr_sagittal_hfs": "3D",
    **{f"transfer_syntax/ts_{k}.dcm": "3D" for k in range(1, 10)},
    "transfer_syntax/12bitSigned_0x0F0F.dcm": "3D",
    "transfer_syntax/12bitUnsigned.dcm": "3D",
    "transfer_syntax/12bitUnsigned_0x0F0F.dcm": "3D",
    "odd_real/MR2_J2KR.dcm": "2D",
    "odd_real/RG3_J2KR.dcm": "2D",
    "odd_real/OBXXXX1A_rle.dcm": "2D",
    "odd_real/SC_rgb_16bit.dcm": "2D",
    "odd_real/emri_small.dcm": "frames_without_positions",
    "odd_real/emri_small_jpeg_ls_lossless.dcm": "frames_without_positions",
    "odd_real/emri_small_jpeg_2k_lossless_too_short.dcm": "truncated_pixels",
    "odd_real/bad_sequence.dcm": "2D",
    "odd_real/gdcm-US-ALOKA-16.dcm": "2D",
    "odd_real/liver_1frame.dcm": "not_an_image",
    "odd_real/explicit_VR-UN.dcm": "2D",
    "odd_real/mlut_18.dcm": "2D",
    "odd_real/eCT_Supplemental.dcm": "3D",
    "broken_on_purpose/truncated_file.dcm": "truncated_pixels",
    "broken_on_purpose/empty.dcm": "empty_file",
    "broken_on_purpose/text_renamed.dcm": "unknown_format",
    "broken_on_purpose/no_extension/IM0001": "2D",
    "broken_on_purpose/missing_slices": "missing_slices",
    "broken_on_purpose/duplicate_slices": "3D",
    "broken_on_purpose/shuffled_names": "3D",
    "broken_on_purpose/mixed_matrix": "mixed_matrix",
}


def test_every_sample_ends_as_it_should(medsiam_data, capfd):
    folder = medsiam_data / "dicom_samples"
    with (folder / "labels.csv").open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert sorted(paths) == sorted(SAMPLES)
    assert {path: outcome(folder / path) for path in paths} == SAMPLES
    assert capfd.readouterr().err == ""


def test_shuffled_names_are_the_same_volume(medsiam_data):
    folder = medsiam_data / "dicom_samples"
    one = read_scan(folder / "series/gbm_hippocampus_crop")
    other = read_scan(folder / "broken_on_purpose/shuffled_names")
    assert one.content_hash == other.content_hash


def test_the_sagittal_series_is_sagittal(medsiam_data):
    scan = read_scan(medsiam_data / "dicom_samples/series/mr_sagittal_hfs")
    assert scan.orientation == "PIR"
    assert scan.spacing == pytest.approx((1.015625, 1.015625, 4.8), abs=1e-4)


def test_every_single_file_of_the_samples_is_a_scan_or_a_coded_fault(medsiam_data):
    folder = medsiam_data / "dicom_samples"
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    # Slices of the series are alike: some will do.
    some = [p for k, p in enumerate(files) if "series" not in p.parts or k % 15 == 0]
    counts = Counter(outcome(path) for path in some)
    assert counts["2D"] > 100
    assert not set(counts) - {*FAULTS, "2D", "3D"}
    assert counts["unreadable"] == 0


def test_every_file_that_pydicom_ships_is_a_scan_or_a_coded_fault():
    files = sorted(p for p in SHIPPED.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    assert len(files) > 150
    counts = Counter(outcome(path) for path in files)
    assert counts["2D"] > 80
    assert not set(counts) - {*FAULTS, "2D", "3D"}
    assert counts["unreadable"] == 0
    assert counts["dicomdir"] == 8


def test_damage_anywhere_is_a_fault_or_a_scan(tmp_path):
    """Bytes changed and files cut at random: never another exception."""
    random = np.random.default_rng(5)
    seeds = [
        (SHIPPED / "test_files" / name).read_bytes()
        for name in ("MR_small.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "rtstruct.dcm")
    ]
    write_nifti(tmp_path / "v.nii.gz", VOLUME, np.eye(4))
    seeds.append((tmp_path / "v.nii.gz").read_bytes())
    nib.save(nib.Nifti1Image(VOLUME, np.eye(4)), tmp_path / "v.nii")
    seeds.append((tmp_path / "v.nii").read_bytes())
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(tmp_path / "x.png")
    seeds.append((tmp_path / "x.png").read_bytes())
    path = tmp_path / "damaged"
    for round_ in range(140):
        data = bytearray(seeds[round_ % len(seeds)])
        for place in random.integers(0, min(len(data), 2000), 3):
            data[place] = random.integers(0, 256)
        if round_ % 3 == 0:
            data = data[: random.integers(1, len(data))]
        path.write_bytes(data)
        assert outcome(path) in {*FAULTS, "2D", "3D"}


def test_a_left_right_phantom_stays_left_right(tmp_path):
    """Bright on the patient's left, which is on the right of the screen in an axial slice."""
    slices = np.zeros((3, 4, 6), np.int16)
    slices[:, :, 3:] = 100
    write_stack(tmp_path, slices)
    scan = read_scan(tmp_path)
    x = int(np.argmax(scan.array[:, 0, 0]))
    right, left = (scan.affine @ [i, 0, 0, 1] for i in (0, x))
    assert left[0] < right[0]  # RAS+: left is smaller
    assert scan.array[x:].min() == 100


def test_nothing_is_changed_on_disk(tmp_path):
    write_stack(tmp_path, VOLUME)
    before = {p.name: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.iterdir()}
    assert isinstance(read_scan(tmp_path), Scan)
    assert {p.name: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.iterdir()} == before
