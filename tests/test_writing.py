from __future__ import annotations

import os

import pytest

from medsiam.errors import OutputError
from medsiam.writing import atomic_file, check_writable, write_atomically


def test_writes_text_and_bytes_and_makes_folders(tmp_path):
    write_atomically(tmp_path / "a" / "b.txt", "grün")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "grün".encode()
    write_atomically(tmp_path / "a" / "b.txt", b"\x00new")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"\x00new"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_the_mode_is_that_of_an_ordinary_file(tmp_path):
    write_atomically(tmp_path / "ours", b"x")
    (tmp_path / "usual").write_bytes(b"x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_text("old")

    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="No space left on device; nothing was changed"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write_atomically(tmp_path / "file" / "below.txt", "x")


def test_what_cannot_be_written_is_said_at_once_and_nothing_is_left(tmp_path):
    check_writable(tmp_path / "new" / "deep" / "emb.npz")
    check_writable(tmp_path / "emb.npz")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file: Not a directory"):
        check_writable(tmp_path / "file" / "emb.npz")
    with pytest.raises(OutputError, match="it is a folder; name a file in it"):
        check_writable(tmp_path)
    with pytest.raises(OutputError, match=r"cannot write /proc/emb\.npz"):  # refuses its owner too
        check_writable("/proc/emb.npz")


def test_a_private_file_is_its_owners_alone(tmp_path):
    write_atomically(tmp_path / "file", "x", private=True)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_pieces_take_their_place_together_or_not_at_all(tmp_path):
    target = tmp_path / "file"
    with atomic_file(target) as stream:
        stream.write(b"one ")
        assert not target.exists()
        stream.write(b"two")
    assert target.read_bytes() == b"one two"
    with pytest.raises(TypeError), atomic_file(target) as stream:
        stream.write("three")  # no bytes
    assert target.read_bytes() == b"one two"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
