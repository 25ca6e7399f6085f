from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

import study_archive
from medsiam.errors import OutputError, ScanError
from study_archive import unpacked
from tests.app.conftest import zipped


def contents(*uploads):
    with unpacked([(name, io.BytesIO(data)) for name, data in uploads]) as folder:
        found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert all(path.parent == folder for path in folder.rglob("*"))
    assert not folder.exists()
    return found


def test_files_are_numbered_and_keep_only_a_known_ending():
    found = contents(
        ("DOE^JOHN.dcm", b"a"), ("x.NII.GZ", b"b"), ("no ending", b"c"), ("d.exe", b"d")
    )
    assert found == {"00001.dcm": b"a", "00002.nii.gz": b"b", "00003": b"c", "00004": b"d"}


def test_a_zip_is_known_by_its_content_and_no_entry_leaves_the_folder(tmp_path):
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
    assert sorted(found)[-1] == "00007.png"


def test_a_link_in_a_zip_stays_a_plain_file():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link.dcm")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert contents(("z.zip", buffer.getvalue())) == {"00001.dcm": b"/etc/passwd"}


def test_what_comes_out_is_counted_not_what_the_archive_says(monkeypatch):
    monkeypatch.setattr(study_archive, "_CHUNK", 1000)
    monkeypatch.setattr(study_archive, "MAX_RATIO", 50)
    with pytest.raises(ScanError, match="50 times its size") as refused:
        contents(("bomb.zip", zipped({"zeros": bytes(60_000)})))
    assert refused.value.code == "archive_too_large"
    assert len(contents(("fine.zip", zipped({"zeros": bytes(40_000)})))) == 1


def test_all_entries_together_have_one_limit(monkeypatch):
    monkeypatch.setattr(study_archive, "MAX_BYTES", 2500)
    with pytest.raises(ScanError, match="unpacks to more than"):
        contents(("z.zip", zipped({str(i): bytes(1000) for i in range(3)})))
    assert len(contents(("z.zip", zipped({str(i): bytes(1000) for i in range(2)})))) == 2


def test_too_many_entries_are_refused_before_any_is_unpacked(monkeypatch):
    monkeypatch.setattr(study_archive, "MAX_FILES", 3)
    with pytest.raises(ScanError, match="holds 4 files; at most 3") as refused:
        contents(("z.zip", zipped({str(i): b"x" for i in range(4)})))
    assert refused.value.code == "too_many_files"


def test_a_damaged_zip_is_one_sentence():
    whole = zipped({"a.dcm": bytes(range(256)) * 50})
    for damaged in (whole[:40], whole[:-30], whole[:50] + b"\xff" * 20 + whole[70:]):
        with pytest.raises(ScanError, match="damaged") as refused:
            contents(("z.zip", damaged))
        assert refused.value.code == "damaged_archive"


def test_an_encrypted_zip_is_one_sentence():
    plain = bytearray(zipped({"a.dcm": b"abc"}))
    plain[6] |= 1  # the flag in the entry's own header
    central = plain.index(b"PK\x01\x02")
    plain[central + 8] |= 1  # and in the directory
    with pytest.raises(ScanError, match="without a password"):
        contents(("z.zip", bytes(plain)))


def test_other_compressions_are_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", b"abc")
    with pytest.raises(ScanError, match="kind that cannot be unpacked"):
        contents(("z.zip", buffer.getvalue()))


def test_no_room_is_an_output_error(monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(study_archive.shutil, "copyfileobj", full)
    with pytest.raises(OutputError, match="No space left on device"):
        contents(("a.dcm", b"a"))


def test_the_folder_goes_away_when_reading_fails():
    places: list[Path] = []

    def read_badly() -> None:
        with unpacked([("a", io.BytesIO(b"a"))]) as folder:
            places.append(folder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        read_badly()
    assert not places[0].exists()
