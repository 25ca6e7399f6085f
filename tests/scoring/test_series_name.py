from __future__ import annotations

import re
import shutil

import pytest

from medsiam.errors import UsageError
from medsiam.scans import index_folder
from medsiam.scoring import Shard, named_series
from medsiam.scoring.series_name import below, name_of_file, name_of_tree
from tests.scans.written import write_nifti


def test_names_are_opaque_unique_and_the_same_for_a_copy(phantom_bank, incoming, tmp_path):
    named = named_series(index_folder(incoming), phantom_bank)
    names = [one.name for one in named]
    assert len(set(names)) == len(names) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)
    assert [one.place for one in named] == list(range(5))
    copy = shutil.copytree(incoming, tmp_path / "elsewhere")
    assert [one.name for one in named_series(index_folder(copy), phantom_bank)] == names


def test_names_stay_when_files_are_added_elsewhere(phantom_bank, incoming, tmp_path):
    import numpy as np

    copy = shutil.copytree(incoming, tmp_path / "copy")
    before = {one.name for one in named_series(index_folder(copy), phantom_bank)}
    write_nifti(copy / "0.nii", np.zeros((3, 3, 3, 2), np.int16))
    after = {one.name for one in named_series(index_folder(copy), phantom_bank)}
    assert before < after
    assert len(after) == len(before) + 2  # both volumes of the file, told apart


def test_a_tree_is_named_by_all_that_lies_in_it(phantom_bank, incoming, tmp_path):
    def name(folder):
        index = index_folder(folder)
        return name_of_tree(named_series(index, phantom_bank), index, phantom_bank)

    copy = shutil.copytree(incoming, tmp_path / "copy")
    assert name(copy) == name(incoming)
    (copy / "README.txt").unlink()
    assert name(copy) != name(incoming)


def test_white_space_in_a_name_counts(phantom_bank, incoming, tmp_path):
    picture = next(iter(incoming.rglob("IM*"))).read_bytes()
    for name in ("x", "x ", "x\n"):
        (tmp_path / name).write_bytes(picture)
    index = index_folder(tmp_path)
    n_files = sum(len(source.files) for source in index.sources)
    assert n_files == 3
    names = {name_of_file(tmp_path / name, tmp_path, phantom_bank) for name in ("x", "x ", "x\n")}
    assert len(names) == 3


def test_a_scan_that_cannot_be_listed_has_a_name_too(phantom_bank, tmp_path):
    header = (348).to_bytes(4, "little") + b"\0" * 340 + b"n+1\0"
    (tmp_path / "damaged.nii").write_bytes(header + b"\0" * 4)
    (tmp_path / "junk.txt").write_text("junk")
    (named,) = named_series(index_folder(tmp_path), phantom_bank)
    assert named.found.path.name == "damaged.nii"


def test_each_name_is_in_exactly_one_shard(phantom_bank, tmp_path):
    names = [name_of_file(tmp_path / str(n), tmp_path, phantom_bank) for n in range(300)]
    shards = [Shard(n, 3) for n in (1, 2, 3)]
    held = [sum(shard.holds(name) for shard in shards) for name in names]
    assert held == [1] * 300
    assert min(sum(map(shard.holds, names)) for shard in shards) > 60  # about a third each


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/2/3", "-1/2", "1/0"])
def test_what_is_no_shard(text):
    with pytest.raises(UsageError):
        Shard.parse(text)


def test_a_shard_as_text():
    assert str(Shard.parse("2/8")) == "2/8"


def test_a_path_in_characters_that_print(tmp_path):
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    assert below(tmp_path, tmp_path / "a" / name) == "a/caf\\xe9.txt"
