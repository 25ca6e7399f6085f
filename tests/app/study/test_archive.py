from __future__ import annotations

import io
from pathlib import Path

import pytest

import study.archive as archive
from medsiam.errors import OutputError, ScanError
from study.archive import unpacked
from tests.app.conftest import zipped


def contents(*uploads):
    with unpacked([(name, io.BytesIO(data)) for name, data in uploads]) as laid_out:
        files = [path for path in laid_out.folder.rglob("*") if path.is_file()]
        found = {path.relative_to(laid_out.folder).as_posix(): path.read_bytes() for path in files}
    assert not laid_out.folder.exists()
    return found


def test_files_are_numbered_and_keep_only_a_known_ending():
    found = contents(
        ("DOE^JOHN.dcm", b"a"), ("x.NII.GZ", b"b"), ("no ending", b"c"), ("d.exe", b"d")
    )
    assert found == {"00001.dcm": b"a", "00002.nii.gz": b"b", "00003": b"c", "00004": b"d"}


def test_a_zip_is_known_by_its_content_and_no_name_of_an_entry_is_used():
    hostile = {
        "../../up.dcm": b"1",
        "/etc/absolute.png": b"2",
        "C:\\windows\\drive": b"3",
        "a/" * 60 + "deep.nii": b"4",
        "same.dcm": b"5",
        "SAME.dcm": b"6",
    }
    found = contents(("study.dcm", zipped(hostile)), ("after.png", b"7"))
    assert sorted(found.values()) == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]
    assert found.pop("00002.png") == b"7"
    assert all(set(name) <= set("0123456789/") for name in found)


def test_an_archive_in_an_archive_is_left_out_without_its_name():
    inner = zipped({"a": b"1"})
    sent = [("z.zip", io.BytesIO(zipped({"DOE^JOHN.zip": inner, "b": b"2"})))]
    with unpacked(sent) as laid_out:
        files = [path for path in laid_out.folder.rglob("*") if path.is_file()]
        assert [path.read_bytes() for path in files] == [b"2"]
        ((code, reason),) = laid_out.refused
    assert code == "nested_archive"
    assert reason.startswith("an archive within an archive")


def test_a_zip_that_cannot_be_unpacked_is_one_sentence():
    whole = zipped({"a.dcm": bytes(range(256)) * 50})
    with pytest.raises(ScanError, match=r"upload: .*pack it anew") as refused:
        contents(("z.zip", whole[:-30]))
    assert refused.value.code == "damaged_archive"


def test_no_room_is_an_output_error(monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.shutil, "copyfileobj", full)
    with pytest.raises(OutputError, match="No space left on device"):
        contents(("a.dcm", b"a"))


def test_the_folder_goes_away_when_reading_fails():
    places: list[Path] = []

    def read_badly() -> None:
        with unpacked([("a", io.BytesIO(b"a"))]) as laid_out:
            places.append(laid_out.folder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        read_badly()
    assert not places[0].exists()
