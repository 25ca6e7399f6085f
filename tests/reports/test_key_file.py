from __future__ import annotations

import os

import pytest

from medsiam.errors import UsageError
from medsiam.reports import read_key

KEY = bytes(range(64, 104))


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "keys" / "key"
    path.parent.mkdir()
    path.write_bytes(KEY)
    path.chmod(0o600)
    return path


def test_the_key_is_the_bytes_of_the_file(key):
    assert read_key(key) == KEY
    key.write_bytes(KEY + b"\n")
    assert read_key(key) == KEY + b"\n"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_key_that_others_may_touch_is_refused(key, mode):
    key.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600") as refused:
        read_key(key)
    assert KEY.decode() not in str(refused.value)


def test_a_short_one_is_refused(key):
    key.write_bytes(KEY[:31])
    with pytest.raises(UsageError, match="at least 32 bytes, this one has 31") as refused:
        read_key(key)
    assert KEY[:31].decode() not in str(refused.value)


def test_what_is_no_file_is_refused_at_once(key):
    pipe = key.with_name("pipe")
    os.mkfifo(pipe, 0o600)
    for path in (key.with_name("nothing"), key.parent, pipe, "/dev/zero"):
        with pytest.raises(UsageError, match="key"):
            read_key(path)


def test_it_lies_in_no_folder_that_is_passed_on_whichever_way_it_is_named(key, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(key)
    inside = tmp_path / "out" / "link"
    inside.parent.mkdir()
    inside.symlink_to(key)
    roundabout = tmp_path / "out" / ".." / "keys" / "key"
    for path, folder in (
        (key, key.parent),
        (link, key.parent),
        (inside, inside.parent),
        (roundabout, key.parent),
    ):
        with pytest.raises(UsageError, match="may not lie in"):
            read_key(path, outside=(folder,))
    assert read_key(link, outside=(tmp_path / "out",)) == KEY
