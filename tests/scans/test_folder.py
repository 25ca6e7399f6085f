from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import SegmentationStorage

from medsiam.errors import ScanError
from medsiam.scans import index_folder
from tests.scans.written import SECRET, SECRET_ID, SHIPPED, write, write_nifti, write_stack

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def everything(folder: Path) -> set[Path]:
    return {Path(top) / name for top, _, names in os.walk(folder) for name in names}


def account_for(folder: Path):
    """Index a folder and check that each file is in exactly one place."""
    index = index_folder(folder)
    named = [path for source in index.sources if not source.part for path in source.files]
    named += [skipped.path for skipped in index.skipped]
    assert len(named) == len(set(named))
    assert set(named) == everything(folder)
    return index


def mixture(top: Path) -> None:
    files = write_stack(top / "ct/one", VOLUME)
    files[4].rename(top / "ct/no-extension")  # one series in two folders
    write_stack(top / "ct/two", VOLUME[:3], series="1.2.3", Modality="MR")
    write(top / "scout", VOLUME[0], series="1.2.3.4", ImageType=["ORIGINAL", "LOCALIZER"])
    write_nifti(top / "deep/er/v.nii.gz", VOLUME)
    write_nifti(top / "deep/slice.nii", VOLUME[..., :1])
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(top / "deep/picture.png")
    (top / "notes.txt").write_text("words")
    (top / "empty.dcm").touch()
    (top / "deep/fake.dcm").write_text("more words")
    write(top / "seg", VOLUME[0], sop_class=SegmentationStorage)


@pytest.fixture
def mixed(tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    mixture(tmp_path)
    return tmp_path


def test_every_file_is_in_one_source_or_skipped(mixed):
    index = account_for(mixed)
    found = [
        (s.kind, str(s.path.relative_to(mixed)), len(s.files), s.modality, s.spatial_dims)
        for s in index.sources
    ]
    assert found == [
        ("dicom", "ct", 5, "CT", 3),
        ("dicom", "ct/two", 3, "MR", 3),
        ("nifti", "deep/er/v.nii.gz", 1, None, 3),
        ("image", "deep/picture.png", 1, None, 2),
        ("nifti", "deep/slice.nii", 1, None, 2),
        ("dicom", "scout", 1, "CT", 2),
    ]
    assert [s.is_localizer for s in index.sources] == [False] * 5 + [True]
    assert [(s.path.name, s.code, s.is_foreign) for s in index.skipped] == [
        ("fake.dcm", "unknown_format", True),
        ("empty.dcm", "empty_file", True),
        ("notes.txt", "unknown_format", True),
        ("seg", "not_an_image", True),
    ]
    assert not index.skipped[0].reason.startswith(str(mixed))


def test_what_the_headers_promise_is_what_is_read(mixed):
    for source in account_for(mixed).sources:
        scan = source.read()
        assert scan.spatial_dims == source.spatial_dims
        assert scan.modality == source.modality
        assert scan.sources == source.files
        assert scan.series_uid == source.series_uid


def test_the_order_is_the_same_every_time(mixed):
    assert index_folder(mixed) == index_folder(mixed)


def test_no_patient_is_named(mixed):
    told = repr(index_folder(mixed))
    assert SECRET not in told
    assert SECRET_ID not in told


def test_slices_of_two_sizes_are_two_sources_and_say_so(tmp_path):
    write_stack(tmp_path, VOLUME)
    for k in range(3):
        write(tmp_path / f"wide{k}", np.zeros((4, 6), np.int16), position=(0, 0, k))
    index = account_for(tmp_path)
    assert [len(source.files) for source in index.sources] == [5, 3]
    for source in index.sources:
        assert source.warnings == (
            "one series with slices of 2 sizes (3 x 4, 6 x 4); read as 2 scans",
        )
        assert source.read().warnings == source.warnings


def test_single_pictures_of_one_series_are_sources_of_their_own_without_ado(tmp_path):
    for k in range(2):
        write(tmp_path / f"view{k}", VOLUME[k], position=None, Modality="DX")
    index = account_for(tmp_path)
    assert [(s.spatial_dims, s.warnings) for s in index.sources] == [(2, ()), (2, ())]


def test_two_patients_under_one_series_are_never_one_volume(tmp_path):
    write_stack(tmp_path, VOLUME[:2])
    write(tmp_path / "x", VOLUME[2], position=(0, 0, 4), PatientID="someone-else")
    assert [len(source.files) for source in account_for(tmp_path).sources] == [2, 1]


def test_a_file_cut_in_its_header_is_skipped_as_damaged(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    files[0].write_bytes(files[0].read_bytes()[:420])
    index = account_for(tmp_path)
    assert [len(source.files) for source in index.sources] == [4]
    (skipped,) = index.skipped
    assert (skipped.path, skipped.code, skipped.is_foreign) == (files[0], "damaged_dicom", False)


def test_links_are_followed_once_and_loops_end(tmp_path):
    write_stack(tmp_path / "tree/a", VOLUME)
    (tmp_path / "tree/loop").symlink_to(tmp_path / "tree")
    (tmp_path / "tree/a/up").symlink_to("..")
    (tmp_path / "tree/0-link").symlink_to("a")
    (tmp_path / "tree/broken").symlink_to("nowhere")
    write_nifti(tmp_path / "v.nii", VOLUME)
    (tmp_path / "tree/outside.nii").symlink_to(tmp_path / "v.nii")
    index = index_folder(tmp_path / "tree")
    assert [(s.kind, s.path.name, len(s.files)) for s in index.sources] == [
        ("dicom", "a", 5),
        ("nifti", "outside.nii", 1),
    ]
    assert [(s.path.name, s.code) for s in index.skipped] == [("broken", "missing_file")]


def test_a_linked_folder_outside_is_entered(tmp_path):
    write_stack(tmp_path / "archive", VOLUME)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to(tmp_path / "archive")
    (source,) = index_folder(tmp_path / "in").sources
    assert source.path == tmp_path / "in/link"


def test_a_pipe_is_skipped(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert [s.code for s in index_folder(tmp_path).skipped] == ["not_a_file"]


def test_a_dicomdir_is_skipped_and_its_files_are_found():
    index = account_for(SHIPPED / "test_files/dicomdirtests")
    assert {s.code for s in index.skipped} == {"dicomdir", "damaged_dicom", "unknown_format"}
    assert sum(s.code == "dicomdir" for s in index.skipped) == 8
    assert {source.modality for source in index.sources} == {"CR", "CT", "MR"}


def test_a_single_file_is_an_index_of_one(tmp_path):
    path = write(tmp_path / "a", VOLUME[0])
    index = index_folder(path)
    assert (index.folder, len(index.sources), index.skipped) == (tmp_path, 1, ())
    (tmp_path / "b").write_text("words")
    assert [s.code for s in index_folder(tmp_path / "b").skipped] == ["unknown_format"]


def test_a_missing_folder_is_the_one_thing_that_raises(tmp_path):
    with pytest.raises(ScanError) as caught:
        index_folder(tmp_path / "gone")
    assert caught.value.code == "missing_file"
    assert index_folder(tmp_path).sources == ()


def test_real_samples(medsiam_data):
    folder = medsiam_data / "dicom_samples"
    index = account_for(folder / "series")
    found = [(s.path.name, len(s.files), s.spatial_dims) for s in index.sources]
    assert found == [
        ("gbm_flair", 22, 3),
        ("gbm_hippocampus_crop", 40, 3),
        ("gbm_t1post", 22, 3),
        *[("ge_fmri", 15, 3)] * 10,  # time points
        ("mr_sagittal_hfs", 35, 3),
        *[(f"epi_pe_{way}-0000{k}.dcm", 1, 3) for way in ("ap", "pa") for k in (1, 2)],  # mosaics
    ]
    account_for(folder)
