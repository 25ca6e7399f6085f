from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from medsiam.errors import ScanError
from medsiam.scans import archive as archive_module
from medsiam.scans.archive import no_room_is_a_fault, on_disk, open_archive, unpack
from tests.scans.test_zip_directory import zipped

ZIP = Path("x.zip")


def contents(data: bytes, into: Path) -> dict[str, bytes | str]:
    """What is shown, and the bytes or the code of why there are none."""
    file = io.BytesIO(data)
    archive = open_archive(file, ZIP)
    return {
        str(shown): found.code if isinstance(found, ScanError) else found.read_bytes()
        for shown, found in unpack(archive, file, into)
    }


def code_of(data: bytes, into: Path) -> str:
    with pytest.raises(ScanError) as caught:
        contents(data, into)
    return caught.value.code


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_comes_out_is_what_went_in(tmp_path, method):
    files = {"a/1": os.urandom(3_000_000), "a/2": bytes(5_000_000), "b": b"", "c": b"words" * 9}
    found = contents(zipped(files, method), tmp_path)
    assert found == {f"x.zip/{name}": data for name, data in files.items()}


HOSTILE = {
    "../../up.dcm": "x.zip/up.dcm",
    "/etc/absolute.png": "x.zip/etc/absolute.png",
    "C:\\windows\\drive": "x.zip/C:/windows/drive",
    "a/./b/../c": "x.zip/a/b/c",
    "line\nbreak\x1b[31m": "x.zip/line_break_[31m",
    "right\u202eto left": "x.zip/right_to left",
    "n" * 300: f"x.zip/{'n' * 200}",
    "..": "x.zip/unnamed",
    "same": "x.zip/same",
    "./same": "x.zip/same (2)",
    "d/" * 3000 + "deep": None,
}


def test_names_are_cleaned_for_messages_and_never_used_on_disk(tmp_path):
    found = contents(zipped({name: name.encode() for name in HOSTILE}), tmp_path)
    by_content = {data: shown for shown, data in found.items()}
    for name, shown in HOSTILE.items():
        assert shown in (None, by_content[name.encode()])
    assert len(by_content) == len(HOSTILE)
    assert all(len(shown) <= 1100 and shown.isprintable() for shown in found)
    on_disk_now = [path.relative_to(tmp_path) for path in tmp_path.rglob("*")]
    assert all(set(str(path)) <= set("0123456789/") for path in on_disk_now)


def test_a_nul_in_a_name(tmp_path):
    data = zipped({"aXb": b"1"}).replace(b"aXb", b"a\0b")
    assert contents(data, tmp_path) == {"x.zip/a_b": b"1"}


def test_files_of_one_folder_lie_in_one_folder(tmp_path):
    file = io.BytesIO(zipped({"s1/b": b"1", "s2/a": b"2", "s1/a": b"3"}))
    archive = open_archive(file, ZIP)
    found = {str(shown): path for shown, path in unpack(archive, file, tmp_path)}
    assert found["x.zip/s1/a"].parent == found["x.zip/s1/b"].parent
    assert found["x.zip/s1/a"].name < found["x.zip/s1/b"].name
    assert found["x.zip/s1/a"].parent != found["x.zip/s2/a"].parent


def test_a_link_stays_a_plain_file(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert contents(buffer.getvalue(), tmp_path) == {"x.zip/link": b"/etc/passwd"}


def test_damage_costs_one_entry(tmp_path):
    files = {"a": os.urandom(500), "b": b"2" * 500, "c": b"3"}
    data = bytearray(zipped(files, zipfile.ZIP_STORED))
    data[data.index(files["a"]) + 9] ^= 1
    found = contents(bytes(data), tmp_path)
    assert found == {"x.zip/a": "damaged_archive", "x.zip/b": files["b"], "x.zip/c": b"3"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_named(tmp_path, method):
    assert contents(zipped({"a": b"1"}, method), tmp_path) == {"x.zip/a": "damaged_archive"}


def test_an_archive_in_an_archive_is_not_opened(tmp_path):
    inner = zipped({"a": b"1"})
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        into = tmp_path / str(method)
        into.mkdir()
        found = contents(zipped({"in.zip": inner, "b": b"2"}, method), into)
        assert found == {"x.zip/in.zip": "nested_archive", "x.zip/b": b"2"}


@pytest.mark.parametrize("mark", ["[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"])
def test_a_document_is_no_archive_of_scans(tmp_path, mark):
    assert code_of(zipped({mark: b"<xml>", "media/logo.png": b"1"}), tmp_path) == "unknown_format"


def test_a_promise_beyond_the_ceiling_is_refused_before_unpacking(tmp_path):
    data = bytearray(zipped({"a": b"1"}))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 3 * 1024**3)
    assert code_of(bytes(data), tmp_path) == "expands_too_much"
    assert not list(tmp_path.iterdir())


def bomb(size: int, promised: int) -> bytes:
    """An entry of `size` zeros that says it has another size."""
    packer = zlib.compressobj(9, wbits=-15)
    mega = bytes(1 << 20)
    packed = b"".join(packer.compress(mega) for _ in range(size >> 20)) + packer.flush()
    crc = 0
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, 0, 0, 1, 0) + b"a"
    sizes = struct.pack("<III", crc, len(packed), promised)
    entry = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
    entry += struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4s4xHHIIH", b"PK\x05\x06", 1, 1, len(entry), len(local) + len(packed), 0)
    return local + packed + entry + end


def test_what_comes_out_is_counted_not_what_the_archive_says(tmp_path):
    data = bomb(160 << 20, promised=10)
    start = time.monotonic()
    assert code_of(data, tmp_path) == "expands_too_much"
    assert time.monotonic() - start < 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_all_entries_together_have_one_ceiling(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_module, "MAX_BYTES", 2500)
    with pytest.raises(ScanError, match="unpacks to more than"):
        contents(zipped({str(i): os.urandom(1000) for i in range(3)}), tmp_path)
    assert len(contents(zipped({str(i): os.urandom(1000) for i in range(2)}), tmp_path)) == 2


def test_a_highly_packed_entry_alone_can_be_read_where_the_whole_archive_is_fine(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(archive_module, "_FREE", 1000)
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"noise": os.urandom(9000), "flat": bytes(900_000)}))
    with path.open("rb") as file:
        archive = open_archive(file, path)
    with on_disk((archive,), path / "flat", (path / "flat",)) as place:
        assert place.path.read_bytes() == bytes(900_000)


def saved(path: Path, files: dict[str, bytes]):
    path.write_bytes(zipped(files))
    with path.open("rb") as file:
        return open_archive(file, path)


def test_on_disk_only_for_as_long_as_it_is_read(tmp_path):
    path = tmp_path / "x.zip"
    archive = saved(path, {"s/b": b"2", "s/a": b"1", "other": b"3"})
    files = (path / "s/b", tmp_path / "beside", path / "s/a")
    with on_disk((archive,), tmp_path, files) as place:
        assert [f.read_bytes() for f in (place.files[0], place.files[2])] == [b"2", b"1"]
        assert place.files[1] == tmp_path / "beside"
        assert place.shown(place.files) == files
        lying = [p for p in place.path.rglob("*") if p.is_file()]
        assert len(lying) == 2  # only what is asked for
        assert place.path.stat().st_mode & 0o777 == 0o700
    assert not place.path.exists()


def test_errors_speak_of_the_archive(tmp_path):
    path = tmp_path / "x.zip"
    archive = saved(path, {"s/a": b"1"})
    for is_folder in (False, True):
        with pytest.raises(ScanError) as caught:
            fail_to_read(archive, path / "s", path / "s/a", of_folder=is_folder)
        shown = path / "s" if is_folder else path / "s/a"
        assert str(caught.value) == f"{shown}: cut; see {path / 's'}"
        assert caught.value.code == "code"


def fail_to_read(archive, folder: Path, file: Path, *, of_folder: bool) -> None:
    with on_disk((archive,), folder, (file,)) as place:
        where = place.path if of_folder else place.files[0]
        raise ScanError("code", f"{where}: cut; see {place.files[0].parent}")


def test_without_archives_nothing_happens(tmp_path):
    with on_disk((), tmp_path, (tmp_path / "a",)) as place:
        assert (place.path, place.files) == (tmp_path, (tmp_path / "a",))


def test_an_archive_that_changed_or_went_away_is_a_fault(tmp_path):
    path = tmp_path / "x.zip"
    archive = saved(path, {"a": b"1"})
    path.write_bytes(zipped({"a": b"1", "b": b"2"}))
    with (
        pytest.raises(ScanError, match="has changed") as caught,
        on_disk((archive,), path / "a", (path / "a",)),
    ):
        pass
    assert caught.value.code == "damaged_archive"
    path.unlink()
    with pytest.raises(ScanError) as caught, on_disk((archive,), path / "a", (path / "a",)):
        pass
    assert caught.value.code == "missing_file"


def test_a_full_disk_is_a_fault():
    with pytest.raises(ScanError, match="no room") as caught, no_room_is_a_fault(ZIP):
        raise OSError(28, "No space left on device")
    assert caught.value.code == "expands_too_much"
    assert tempfile.gettempdir() in str(caught.value)


def test_bytes_changed_anywhere_end_as_files_or_faults(tmp_path):
    data = zipped({"a/1": b"words " * 30, "b": os.urandom(50), "c/d/e": b""})
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        into = tmp_path / str(place)
        into.mkdir()
        with contextlib.suppress(ScanError):  # and nothing else
            contents(bytes(changed), into)
