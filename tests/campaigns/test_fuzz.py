from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000

from medsiam.errors import ScanError
from medsiam.scans import FAULTS, index_folder, read_scan
from tests.campaigns import fuzz
from tests.scans import hostile_dicom
from tests.scans.written import SHIPPED, dataset


def test_eight_seconds_find_nothing():
    told = fuzz.run(seed=20, seconds=8, findings=None)
    assert told["findings"] == []
    assert told["inputs"] > 50
    assert told["slowest_seconds"] < fuzz.SLOW
    assert len(told["ends"]) > 6, "the inputs are all alike"


def test_the_same_seed_makes_the_same_inputs(tmp_path, monkeypatch):
    monkeypatch.delenv("MEDSIAM_DATA", raising=False)
    pool = fuzz.seeds()
    assert len(pool) > 80
    for number in range(30):
        once, again = (
            fuzz.write_input(tmp_path / f"{way}{number}", pool, 3, number) for way in "ab"
        )
        files = (sorted(p.parents[0].rglob("*")) if p.is_file() else sorted(p.iterdir())
                 for p in (once, again))  # fmt: skip
        assert [p.read_bytes() for p in next(files)] == [p.read_bytes() for p in next(files)]


def test_a_wrong_outcome_would_be_seen(monkeypatch, tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(fuzz.seeds()["slice0.dcm"])
    assert fuzz.read_one(path, []) == ({"read": 1}, [])

    def fails(path):
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz, "index_folder", fails)
    ends, (wrong,) = fuzz.read_one(path, [])
    assert not ends
    assert "ZeroDivisionError" in wrong


def header_that_lies_about_columns():
    """Aborts the process in GDCM: the stream is 10 columns wide."""
    ds = pydicom.dcmread(SHIPPED / "test_files" / "JPEGLSNearLossless_08.dcm")
    ds.Columns = 8284
    return hostile_dicom.saved(ds)


def film_with(group: bytes):
    """Three frames without positions, and functional groups that are none."""
    frames = np.zeros((3, 4, 4), np.uint8)
    ds = dataset(frames, position=None, NumberOfFrames=3)
    return hostile_dicom.before_pixels(hostile_dicom.saved(ds), group)


def box_without_end():
    """A JP2 box of length 0: pydicom 3.0 looks for the next one at the same place for ever."""
    stream = b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(64) + b"\xff\xd9"
    return hostile_dicom.encapsulated(JPEG2000, stream)


FOUND = {
    "a JP2 box without end": box_without_end,
    "columns of JPEG-LS that lie": header_that_lies_about_columns,
    "shared groups that are a number": lambda: film_with(
        hostile_dicom.element((0x5200, 0x9229), b"DS", b"1.5 ")
    ),
    "groups of frames that are noise": lambda: film_with(
        hostile_dicom.element((0x5200, 0x9230), b"SQ", b"\xfe\xff\0\xe0\x08\0\0\0\x28\0")
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once(name, tmp_path):
    path = tmp_path / "found.dcm"
    path.write_bytes(FOUND[name]())
    index_folder(path)
    with pytest.raises(ScanError) as caught:
        read_scan(path)
    assert caught.value.code in set(FAULTS) - {"unreadable", "timed_out"}
