from __future__ import annotations

import os
import struct
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import SegmentationStorage

from medsiam.errors import ScanError
from medsiam.scans import archive, index_folder
from medsiam.scans.folder import files_below
from tests.scans.test_zip_directory import zipped
from tests.scans.written import (
    SECRET,
    SECRET_ID,
    SHIPPED,
    enhanced,
    write,
    write_nifti,
    write_stack,
)

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


def zipped_tree(folder: Path, path: Path) -> Path:
    files = sorted(everything(folder))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.relative_to(folder))
    return path


def seen_from(index):
    return [
        (s.kind, str(s.path.relative_to(index.folder)), s.part, s.spatial_dims, s.modality)
        for s in index.sources
    ]


def test_an_archive_holds_what_its_folder_holds(mixed, tmp_path_factory):
    path = zipped_tree(mixed, tmp_path_factory.mktemp("zip") / "x.zip")
    index, plain = index_folder(path), index_folder(mixed)
    assert index.folder == path
    assert seen_from(index) == seen_from(plain)
    for source, expected in zip(index.sources, plain.sources, strict=True):
        scan = source.read()
        assert scan.content_hash == expected.read().content_hash
        assert scan.warnings == expected.read().warnings
        assert scan.sources == tuple(path / f.relative_to(mixed) for f in expected.files)
    assert [(s.path.relative_to(path), s.code, s.reason) for s in index.skipped] == [
        (s.path.relative_to(mixed), s.code, s.reason) for s in plain.skipped
    ]
    assert index == index_folder(path)


def test_archives_below_a_folder_are_looked_into_and_leave_nothing_behind(mixed, monkeypatch):
    temporary = mixed.parent / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    top = mixed.parent / "top"
    (top / "a/b").mkdir(parents=True)
    write_nifti(top / "a/v.nii", VOLUME)
    zipped_tree(mixed, top / "a/b/no-ending")
    index = index_folder(top)
    found = [str(source.path.relative_to(top)) for source in index.sources]
    assert "a/v.nii" in found
    assert "a/b/no-ending/ct/two" in found
    cut = top / "a/b/no-ending/empty.dcm"
    assert [s.code for s in index.skipped if s.path == cut] == ["empty_file"]
    for source in index.sources:
        source.read()
    assert not list(temporary.iterdir())


def test_a_series_in_an_archive_and_beside_it_is_one(tmp_path):
    files = write_stack(tmp_path / "s", VOLUME)
    zipped_tree(tmp_path / "s", tmp_path / "s/x.zip")
    for file in files[2:]:
        file.unlink()
    with zipfile.ZipFile(tmp_path / "s/x.zip") as packed:
        kept = {name: packed.read(name) for name in ("2.dcm", "3.dcm", "4.dcm")}
    with zipfile.ZipFile(tmp_path / "s/x.zip", "w") as packed:
        for name, data in kept.items():
            packed.writestr(name, data)
    (source,) = index_folder(tmp_path / "s").sources
    scan = source.read()
    np.testing.assert_array_equal(scan.array, VOLUME.transpose(2, 1, 0))
    assert set(scan.sources) == {*files[:2], *(tmp_path / "s/x.zip" / name for name in kept)}


def test_frames_in_an_archive_are_volumes(tmp_path):
    positions = [(0, 0, 2.0 * k) for k in range(5)]
    enhanced(VOLUME, positions).save_as(tmp_path / "e.dcm", enforce_file_format=True)
    expected = index_folder(tmp_path / "e.dcm").sources
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.write(tmp_path / "e.dcm", "in/e.dcm")
    found = index_folder(tmp_path / "x.zip").sources
    assert [s.spatial_dims for s in found] == [s.spatial_dims for s in expected]
    assert found[0].path == tmp_path / "x.zip/in/e.dcm"
    assert found[0].read().content_hash == expected[0].read().content_hash


def test_what_is_wrong_with_an_archive_is_said_of_it(tmp_path):
    inner = zipped({"v.nii": b"1"})
    (tmp_path / "nested.zip").write_bytes(zipped({"in/side.zip": inner}))
    (tmp_path / "cut.zip").write_bytes(inner[:-30])
    (tmp_path / "many.zip").write_bytes(zipped({str(k): b"1" for k in range(5001)}))
    (tmp_path / "text.docx").write_bytes(zipped({"[Content_Types].xml": b"<a>"}))
    (tmp_path / "none.zip").write_bytes(zipped({}))
    assert [
        (str(s.path.relative_to(tmp_path)), s.code) for s in index_folder(tmp_path).skipped
    ] == [
        ("cut.zip", "damaged_archive"),
        ("many.zip", "expands_too_much"),
        ("nested.zip/in/side.zip", "nested_archive"),
        ("text.docx", "unknown_format"),
    ]


def test_nothing_of_an_archive_that_expands_too_much_is_kept(tmp_path, monkeypatch):
    write_nifti(tmp_path / "v.nii", VOLUME)
    data = zipped({"a.nii": (tmp_path / "v.nii").read_bytes(), "b": bytes(9000), "c": b"text"})
    (tmp_path / "x.zip").write_bytes(data)
    assert len(index_folder(tmp_path).sources) == 2
    monkeypatch.setattr(archive, "MAX_BYTES", 5000)
    packed = data.replace(struct.pack("<I", 9000), struct.pack("<I", 1))  # a lie
    (tmp_path / "x.zip").write_bytes(packed)
    index = index_folder(tmp_path)
    assert [s.path.name for s in index.sources] == ["v.nii"]
    assert [(s.path.name, s.code) for s in index.skipped] == [("x.zip", "expands_too_much")]


def test_each_volume_of_a_nifti_file_is_a_source(tmp_path):
    volumes = np.stack([VOLUME + k for k in range(11)], -1)
    write_nifti(tmp_path / "v.nii.gz", volumes)
    index = index_folder(tmp_path)
    assert [source.part for source in index.sources] == [*range(11)]
    for part, source in enumerate(index.sources):
        assert source.warnings == (f"time point {part + 1} of 11",)
        assert source.warnings[0].code == "one_of_several"
        np.testing.assert_array_equal(source.read().array, volumes[..., part])


def test_ten_thousand_files_are_found_without_asking_the_disk_for_each(tmp_path, monkeypatch):
    for folder in range(20):
        (tmp_path / str(folder)).mkdir()
        for k in range(500):
            (tmp_path / str(folder) / str(k)).touch()
    asked = []
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self, **how: asked.append(self) or stat(self, **how))
    start = time.monotonic()
    found = list(files_below(tmp_path))
    assert time.monotonic() - start < 1
    assert (len(found), len(asked)) == (10_000, 21)
    assert found == sorted(found)


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
