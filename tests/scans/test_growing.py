from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans import GrowingFolder, index_folder
from medsiam.scans import folder as folder_module
from tests.scans.test_folder import VOLUME, mixture
from tests.scans.test_zip_directory import zipped
from tests.scans.written import enhanced, write, write_nifti, write_stack


def same(look, folder):
    """A look says what one over the whole folder would."""
    fresh = index_folder(folder)
    assert look.index == fresh
    return look


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that are opened."""
    names = []
    real = folder_module.opened
    monkeypatch.setattr(folder_module, "opened", lambda path: names.append(path) or real(path))
    return names


def test_each_look_is_that_of_the_whole_folder_and_opens_what_changed(tmp_path, opened):
    top = tmp_path / "in"
    top.mkdir()
    growing = GrowingFolder(top)
    assert same(growing.look(), top).index.sources == ()
    (top / "deep/er").mkdir(parents=True)
    mixture(top)
    first = same(growing.look(), top)
    opened.clear()
    assert growing.look() is first
    assert opened == []
    late = write(top / "ct/one/late", VOLUME[0], position=(0, 0, 99))
    second = growing.look()
    assert opened == [late]
    same(second, top)
    shutil.rmtree(top / "ct/two")
    (top / "notes.txt").write_text("other words")
    opened.clear()
    third = growing.look()
    assert opened == [top / "notes.txt"]
    same(third, top)


def test_archives_are_taken_apart_once_and_again_when_they_change(tmp_path, opened):
    top, box = tmp_path / "in", tmp_path / "box"
    write_stack(box / "ct", VOLUME)
    ds = enhanced(np.stack([VOLUME[0], VOLUME[1]] * 2), [(0, 0, z) for z in range(4)])
    ds.save_as(box / "frames", enforce_file_format=True)
    top.mkdir()
    packed = zipped({str(p.relative_to(box)): p.read_bytes() for p in _files(box)})
    (top / "a.zip").write_bytes(packed)
    growing = GrowingFolder(top)
    first = same(growing.look(), top)
    opened.clear()
    write_nifti(top / "v.nii", VOLUME)
    second = growing.look()
    assert opened == [top / "v.nii"]
    same(second, top)
    packed = next(source for source in first.index.sources if source.archives)
    assert first.stamp_of(packed) == second.stamp_of(packed)
    shutil.copy(top / "a.zip", tmp_path / "b.zip")
    (tmp_path / "b.zip").replace(top / "a.zip")
    assert not second.is_still(packed)
    third = same(growing.look(), top)
    assert third.stamp_of(packed) != second.stamp_of(packed)


def test_a_stamp_tells_of_growth_of_loss_and_of_a_file_that_was_replaced(tmp_path):
    top = tmp_path / "in"
    files = write_stack(top, VOLUME)
    growing = GrowingFolder(top)
    look = growing.look()
    (source,) = look.index.sources
    assert look.is_still(source)
    status = files[1].stat()
    files[1].write_bytes(files[1].read_bytes()[:-1] + b"x")
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns))  # same size, same time
    assert not look.is_still(source)
    stamps = [look.stamp_of(source)]
    for change in (files[2].touch, files[3].unlink):
        change()
        look = growing.look()
        (source,) = look.index.sources
        stamps.append(look.stamp_of(source))
    assert len(set(stamps)) == 3


def test_a_folder_that_goes_and_comes_back_is_looked_at_again(tmp_path):
    top = tmp_path / "in"
    write_stack(top, VOLUME)
    growing = GrowingFolder(top)
    first = growing.look()
    top.rename(tmp_path / "away")
    with pytest.raises(ScanError) as caught:
        growing.look()
    assert caught.value.code == "missing_file"
    (tmp_path / "away").rename(top)
    assert growing.look().index == first.index


def _files(top: Path) -> list[Path]:
    return [path for path in sorted(top.rglob("*")) if path.is_file()]
