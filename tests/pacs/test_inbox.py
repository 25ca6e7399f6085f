from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medsiam.pacs.inbox import Inbox, content_of
from medsiam.scans import Instance
from tests.small_disk import mounted


@pytest.fixture
def inbox(tmp_path):
    made = Inbox(tmp_path)
    made.prepare()
    return made


def put(inbox, name, *, content=b"x", series="1.2", uid="1.2.3"):
    path = inbox.part / name
    path.write_bytes(content)
    return inbox.keep(path, Instance("1", uid, series, "1"))


def test_files_of_a_series_lie_together_under_names_that_nobody_chose(inbox):
    for n in range(3):
        assert put(inbox, f"{n}", uid=f"../../etc/{n}") == "new"
    put(inbox, "other", series="../evil", uid="9")
    first, second = sorted(inbox.series(), key=lambda one: -len(one.names()))
    assert (len(first.names()), len(second.names())) == (3, 1)
    names = [path.name for path in inbox.received.rglob("*") if path.is_file()]
    assert all(set(name.removesuffix(".dcm")) <= set("0123456789abcdef") for name in names)
    assert not list(inbox.part.iterdir())


def test_the_same_object_again_changes_nothing_and_another_one_is_kept_apart(inbox):
    assert put(inbox, "a") == "new"
    (series,) = inbox.series()
    before = series.names()
    assert put(inbox, "b") == "again"
    assert put(inbox, "c", content=b"other") == "conflict"
    assert put(inbox, "d", content=b"other") == "conflict"
    assert series.names() == before
    (conflict,) = (path for path in inbox.conflicts.rglob("*") if path.is_file())
    assert conflict.read_bytes() == b"other"
    assert (series.path / before[0]).read_bytes() == b"x"


def test_many_at_once_lose_nothing_and_keep_nothing_twice(inbox):
    def send(number):
        return put(inbox, f"{number}", uid=f"1.2.{number % 20}")

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(send, range(80)))
    assert kept.count("new") == 20
    assert kept.count("again") == 60
    (series,) = inbox.series()
    assert len(series.names()) == 20


def test_content_tells_whether_anything_came(inbox):
    put(inbox, "a")
    (series,) = inbox.series()
    before = series.names()
    put(inbox, "b", uid="1.2.4")
    assert content_of(before) != content_of(series.names())
    assert content_of(before) == content_of(before[::1])
    (after,) = inbox.series()
    assert after.changed > series.changed


def test_a_dropped_series_begins_anew(inbox):
    put(inbox, "a")
    (series,) = inbox.series()
    inbox.drop(series)
    assert list(inbox.series()) == []
    assert put(inbox, "a") == "new"


def test_what_an_earlier_receiver_left_unfinished_is_dropped(tmp_path):
    inbox = Inbox(tmp_path)
    inbox.prepare()
    (inbox.part / "half").write_bytes(b"half")
    put(inbox, "whole")
    inbox.prepare()
    assert not list(inbox.part.iterdir())
    assert len(list(inbox.series())) == 1


def test_a_disk_without_room_for_a_name_leaves_no_empty_series(tmp_path):
    with mounted(tmp_path / "disk", "size=2m,nr_inodes=12") as disk:
        inbox = Inbox(disk)
        inbox.prepare()
        paths = [inbox.part / f"{n}" for n in range(20)]
        with pytest.raises(OSError, match="No space"):
            deque(map(Path.touch, paths), maxlen=0)
        paths[0].unlink()  # room for the folder of a series, and for no name in it
        with pytest.raises(OSError, match="No space"):
            inbox.keep(paths[1], Instance("1", "1.2.3", "1.2", "1"))
        assert list(inbox.series()) == []
        paths[2].unlink()
        paths[3].unlink()
        assert inbox.keep(paths[1], Instance("1", "1.2.3", "1.2", "1")) == "new"
