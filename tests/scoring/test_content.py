from __future__ import annotations

import os
import zipfile

import numpy as np

from medsiam.scans import ScanSource, index_folder
from medsiam.scoring.content import content_of, memory_for, stamp_of
from tests.scans.written import write_stack

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def source_in(folder) -> ScanSource:
    (source,) = index_folder(folder).sources
    return source


def test_one_changed_byte_of_the_same_size_and_time_is_another_content(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    source = source_in(tmp_path)
    before = content_of(source)
    status = files[2].stat()
    data = bytearray(files[2].read_bytes())
    data[-1] ^= 1
    files[2].write_bytes(data)
    os.utime(files[2], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert content_of(source) != before
    data[-1] ^= 1
    files[2].write_bytes(data)
    assert content_of(source) == before


def test_volumes_of_one_file_differ():
    path = __file__
    one, two = (ScanSource("nifti", path, (), part=part) for part in (0, 1))
    assert content_of(one) != content_of(two)


def test_a_file_that_is_gone_has_none(tmp_path):
    files = write_stack(tmp_path, VOLUME)
    source = source_in(tmp_path)
    assert stamp_of(source) is not None
    assert memory_for(source) == 4 * sum(file.stat().st_size for file in files)
    files[0].unlink()
    assert content_of(source) is None
    assert stamp_of(source) is None


def test_what_lies_in_an_archive_is_the_content_of_the_archive(tmp_path):
    files = write_stack(tmp_path / "in", VOLUME)
    archive = tmp_path / "zip" / "a.zip"
    archive.parent.mkdir()
    contents = set()
    for comment in (b"", b"another"):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.comment = comment
            for file in files:
                packed.write(file, file.name)
        source = source_in(archive.parent)
        assert memory_for(source) == 4 * sum(file.stat().st_size for file in files)
        contents.add(content_of(source))
    assert len(contents) == 2


def test_compressed_files_hold_more_than_they_weigh(tmp_path):
    path = tmp_path / "v.nii.gz"
    path.write_bytes(bytes(100))
    assert memory_for(ScanSource("nifti", path, (path,))) > 400
