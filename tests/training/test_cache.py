"""Prepared scans are found again by content and recipe, and never wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from medsiam.cases import read_case_table
from medsiam.preprocessing import Recipe
from medsiam.training import cache as module
from medsiam.training import dataset
from medsiam.training.cache import TensorCache, cache_folder
from medsiam.training.dataset import prepare_rows
from tests.training.shapes import write_cases

RECIPE = Recipe(spatial_dims=2, spatial_size=(24, 24))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSIAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def prepared(table):
    return prepare_rows(read_case_table(table).rows, RECIPE, advance=lambda: None)


def entries(folder):
    return sorted(folder.rglob("*.safetensors"))


def test_the_second_run_reads_nothing_and_sees_the_same(tmp_path, own_cache, monkeypatch):
    table = write_cases(tmp_path / "shapes", patients=2, scans=1)
    first = prepared(table)
    assert len(entries(own_cache)) == 6

    def never(path):
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(dataset, "read_scan", never)
    second = prepared(table)
    assert torch.equal(first.tensors, second.tensors)
    assert first.content_hashes == second.content_hashes


def test_a_changed_file_of_the_same_name_is_read_again(tmp_path, own_cache):
    table = write_cases(tmp_path / "shapes", patients=2, scans=1)
    before = prepared(table)
    ring = (tmp_path / "shapes" / "ring-0-0.png").read_bytes()
    (tmp_path / "shapes" / "bar-0-0.png").write_bytes(ring)
    after = prepared(table)
    assert torch.equal(after.tensors[0], before.tensors[4])  # the first bar is the first ring now


def test_keys_tell_content_recipe_and_code_apart(tmp_path, monkeypatch):
    cache = TensorCache(tmp_path / "cache")
    scan = tmp_path / "scan.png"
    scan.write_bytes(b"one")
    key = cache.key(scan, RECIPE)
    (tmp_path / "copy.png").write_bytes(b"one")
    assert cache.key(tmp_path / "copy.png", RECIPE) == key  # content counts, not the name
    assert cache.key(scan, RECIPE.model_copy(update={"spatial_size": (32, 32)})) != key
    monkeypatch.setattr(module, "_makers", lambda: "another version")
    assert cache.key(scan, RECIPE) != key
    monkeypatch.undo()
    scan.write_bytes(b"two")
    assert cache.key(scan, RECIPE) != key


def test_a_folder_is_its_files_and_their_names(tmp_path):
    cache, folder = TensorCache(tmp_path / "cache"), tmp_path / "series"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(b"a")
    key = cache.key(folder, RECIPE)
    (folder / "2.dcm").write_bytes(b"b")
    two = cache.key(folder, RECIPE)
    assert two != key
    (folder / "2.dcm").rename(folder / "3.dcm")
    assert cache.key(folder, RECIPE) not in (key, two)


@pytest.mark.parametrize("damage", ["truncated", "bit", "empty", "foreign"])
def test_a_damaged_entry_is_read_again(tmp_path, own_cache, damage):
    table = write_cases(tmp_path / "shapes", patients=2, scans=1)
    first = prepared(table)
    for entry in entries(own_cache):
        whole = bytearray(entry.read_bytes())
        whole[-5] ^= 1
        harm = {"truncated": whole[:-9], "bit": whole, "empty": b"", "foreign": b"\x80\x04]."}
        entry.write_bytes(harm[damage])
    assert torch.equal(prepared(table).tensors, first.tensors)
    assert all(len(entry.read_bytes()) > 2304 for entry in entries(own_cache))  # mended


def test_a_folder_that_cannot_be_written_harms_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDSIAM_CACHE", str(tmp_path / "file"))
    table = write_cases(tmp_path / "shapes", patients=2, scans=1)
    assert prepared(table).tensors.shape == (6, 1, 24, 24)


def test_only_the_owner_may_look(tmp_path, own_cache):
    prepared(write_cases(tmp_path / "shapes", patients=2, scans=1))
    assert (own_cache / "prepared").stat().st_mode & 0o077 == 0


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDSIAM_CACHE", str(tmp_path / "a"))
    assert cache_folder() == tmp_path / "a"
    monkeypatch.delenv("MEDSIAM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_folder() == tmp_path / "b" / "medsiam"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "medsiam"


WRITER = """
import sys, torch
from pathlib import Path
from medsiam.training.cache import TensorCache
cache = TensorCache(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(10_000):
    cache.put("ab" + str(number % 4), torch.full((50_000,), float(number % 4)), "note")
"""


def test_two_writers_and_a_kill_leave_whole_entries(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"ready\n"
        cache, seen = TensorCache(tmp_path), 0
        for number in range(4):  # the other may not have got as far yet
            cache.put(f"ab{number}", torch.full((50_000,), float(number)), "note")
        for turn in range(60):
            number = turn % 4
            found = cache.get(f"ab{number}")
            if found is not None:
                assert (found[0] == number).all()
                seen += 1
            if turn == 20:
                other.kill()
            if number == 3:
                cache.put("ab3", torch.full((50_000,), 3.0), "note")
    assert seen > 30
