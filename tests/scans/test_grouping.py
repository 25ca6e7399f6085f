from __future__ import annotations

import shutil

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans.dicom.header import read_header
from medsiam.scans.grouping import series_sources
from tests.scans.written import enhanced, write, write_stack

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def sources_of(files):
    return list(series_sources([read_header(path) for path in files]))


def test_a_series_is_one_source_in_the_order_of_its_slices(tmp_path):
    files = write_stack(tmp_path, VOLUME, BodyPartExamined="CHEST")
    (source,) = sources_of([files[k] for k in (3, 0, 4, 1, 2)])
    assert source.files == tuple(files)
    assert source.path == tmp_path
    assert (source.kind, source.modality, source.body_part) == ("dicom", "CT", "CHEST")
    assert (source.spatial_dims, source.frames, source.part) == (3, 5, None)
    assert source.transfer_syntax == "Explicit VR Little Endian"
    assert source.warnings == ()


def test_echoes_are_sources_of_their_own_and_say_which(tmp_path):
    files = [
        *write_stack(tmp_path / "a", VOLUME, EchoTime=4.6, ImageType=["ORIGINAL"]),
        *write_stack(tmp_path / "b", VOLUME + 1, EchoTime=9.2, ImageType=["ORIGINAL"]),
    ]
    first, second = sources_of(files)
    assert first.warnings == ("volume 1 of 2, echo 4.6",)
    assert first.warnings[0].code == "one_of_several"
    np.testing.assert_array_equal(first.read().array, VOLUME.transpose(2, 1, 0))
    np.testing.assert_array_equal(second.read().array, VOLUME.transpose(2, 1, 0) + 1)


def test_slices_of_two_sizes_are_held_apart_and_said(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    files.append(write(tmp_path / "x", np.zeros((9, 9), np.int16), position=(0, 0, 1)))
    sources = sources_of(files)
    assert [source.spatial_dims for source in sources] == [3, 2]
    assert {source.warnings[0].code for source in sources} == {"split_series"}


def test_a_file_with_time_points_gives_a_source_for_each(tmp_path):
    frames = np.arange(48, dtype=np.uint16).reshape(4, 3, 4)
    ds = enhanced(frames, [(0, 0, 0), (0, 0, 0), (0, 0, 3), (0, 0, 3)])
    ds.save_as(tmp_path / "a", enforce_file_format=True)
    first, second = sources_of([tmp_path / "a"])
    assert [first.part, second.part] == [0, 1]
    assert second.warnings == ("time point 2 of 2",)
    np.testing.assert_array_equal(second.read().array[..., 1], frames[3].T)


def test_a_film_is_one_source_that_says_what_it_is_when_read(tmp_path):
    path = write(tmp_path / "a", np.zeros((3, 4, 5), np.uint8), NumberOfFrames=3, position=None)
    (source,) = sources_of([path])
    assert (source.part, source.spatial_dims, source.frames) == (None, None, 3)
    with pytest.raises(ScanError) as caught:
        source.read()
    assert caught.value.code == "frames_without_positions"


def test_copies_in_other_folders_are_not_taken_for_further_volumes(tmp_path):
    files = write_stack(tmp_path / "a", VOLUME)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    files.append(write(tmp_path / "c/x", np.zeros((9, 9), np.int16), position=(0, 0, 1)))
    sources = sources_of([*files, *sorted((tmp_path / "b").iterdir())])
    assert [len(source.files) for source in sources] == [5, 5, 1]
    assert [source.warnings for source in sources] == [()] * 3


def test_every_way_in_which_a_series_was_divided_is_said(tmp_path):
    files = [
        *write_stack(tmp_path, VOLUME[:3]),
        write(
            tmp_path / "x", VOLUME[3], position=(0, 0, 6), PhotometricInterpretation="MONOCHROME1"
        ),
    ]
    sources = sources_of(files)
    assert [[said.code for said in source.warnings] for source in sources] == [["split_series"]] * 2


def test_a_time_point_with_fewer_slices_says_so(tmp_path):
    files = [
        *write_stack(tmp_path / "a", VOLUME, TemporalPositionIdentifier=1),
        *write_stack(tmp_path / "b", VOLUME[:4], TemporalPositionIdentifier=2),
    ]
    first, second = sources_of(files)
    assert [said.code for said in first.warnings] == ["one_of_several"]
    assert second.warnings[1] == "4 slices where others of its series have 5"


def test_volumes_without_uids_of_their_own_are_told_apart_too(tmp_path):
    files = [
        *write_stack(tmp_path / "a", VOLUME, EchoTime=5, SOPInstanceUID=""),
        *write_stack(tmp_path / "b", VOLUME, EchoTime=10, SOPInstanceUID=""),
    ]
    found = [[said.code for said in source.warnings] for source in sources_of(files)]
    assert found == [["one_of_several"]] * 2
