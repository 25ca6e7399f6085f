from __future__ import annotations

import threading
import time

import pytest

from medsiam.errors import LockedError
from medsiam.pacs import Delivery, Destination
from medsiam.pacs.outbox import Sending
from tests.pacs.peers import wait_for


class Archive:
    """Answers with one word, which may change; counts what it took."""

    def __init__(self, reply="taken"):
        self.reply = reply
        self.got = []
        self.destination = Destination("ARCHIVE", self.send)

    def send(self, paths):
        if self.reply == "taken":
            self.got += [path.name for path in paths]
        return [Sending(self.reply, "" if self.reply == "taken" else "why not")] * len(paths)


@pytest.fixture
def out(tmp_path):
    for series in ("aa", "bb"):
        folder = tmp_path / "dicom" / series
        folder.mkdir(parents=True)
        for kind in ("1", "2"):
            (folder / f"2.25.{kind}{ord(series[0])}.dcm").write_bytes(b"x")
    return tmp_path


def test_objects_go_while_the_run_goes_on_and_never_again(out):
    archive = Archive()
    with Delivery(out, archive.destination) as delivery:
        delivery.add("aa")
        wait_for(lambda: len(archive.got) == 2, seconds=10)  # nobody asked to finish
        delivery.add("bb")
        done = delivery.finish()
    assert done.is_complete
    assert done.sent == len(set(archive.got)) == 4
    with Delivery(out, archive.destination) as delivery:
        for series in ("aa", "bb"):
            delivery.add(series)
        assert delivery.finish().sent == 0
    assert len(archive.got) == 4


def test_an_archive_that_is_away_is_waited_for_so_long_and_gets_the_rest_later(out):
    archive = Archive("later")
    began = time.monotonic()
    with Delivery(out, archive.destination, end_seconds=1.0) as delivery:
        delivery.add("aa")
        done = delivery.finish()
    assert time.monotonic() - began < 10
    assert (done.sent, done.waiting, done.refused, done.reason) == (0, 2, 0, "why not")
    archive.reply = "taken"
    with Delivery(out, archive.destination) as delivery:
        assert delivery.finish().sent == 2  # nothing was added: it lay there


def test_an_archive_that_comes_back_amid_the_wait_gets_all_of_it(out):
    archive = Archive("later")
    threading.Timer(1.5, lambda: setattr(archive, "reply", "taken")).start()
    with Delivery(out, archive.destination, end_seconds=20) as delivery:
        delivery.add("aa")
        assert delivery.finish().is_complete
    assert len(archive.got) == 2


def test_what_is_refused_for_good_is_told_each_time(out):
    archive = Archive("refused")
    with Delivery(out, archive.destination) as delivery:
        delivery.add("aa")
        done = delivery.finish()
    assert (done.sent, done.waiting, done.refused, done.reason) == (0, 0, 2, "why not")
    with Delivery(out, archive.destination) as delivery:
        delivery.add("aa")
        done = delivery.finish()
    assert (done.refused, done.is_complete) == (2, False)


def test_two_cannot_send_from_one_outbox(out):
    archive = Archive()
    with Delivery(out, archive.destination) as delivery:
        delivery.add("aa")
        with pytest.raises(LockedError):
            Delivery(out, archive.destination).__enter__()


def test_a_run_that_sends_nothing_leaves_no_outbox(tmp_path):
    with Delivery(tmp_path, Archive().destination) as delivery:
        assert delivery.waiting == 0
        done = delivery.finish()
    assert (done.sent, done.waiting, done.refused) == (0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_an_end_that_nobody_foresaw_has_a_reason_which_quotes_nothing(out):
    def breaks(paths):
        raise ValueError("DOE^JANE")

    with Delivery(out, Destination("ARCHIVE", breaks)) as delivery:
        delivery.add("aa")
        done = delivery.finish()
    assert (done.sent, done.waiting) == (0, 2)
    assert done.reason == "the sending ended: ValueError"


def test_of_those_who_share_an_outbox_one_sends_and_the_next_when_that_ends(out):
    archive, said = Archive(), []
    other = Archive()
    with Delivery(out, archive.destination, shared=True) as first:
        first.add("aa")
        wait_for(lambda: len(archive.got) == 2, seconds=10)
        second = Delivery(out, other.destination, shared=True, say=said.append)
        with second:
            second.add("bb")
            wait_for(lambda: len(archive.got) == 4, seconds=10)
            assert other.got == []
            first.__exit__(None, None, None)
            (out / "dicom" / "bb" / "2.25.99.dcm").write_bytes(b"x")
            second.add("bb")
            wait_for(lambda: said == ["1 objects sent to ARCHIVE"], seconds=10)
    assert other.got == ["2.25.99.dcm"]


def test_what_goes_wrong_is_said_once(out):
    archive, said = Archive("later"), []
    with Delivery(out, archive.destination, end_seconds=3.0, say=said.append) as delivery:
        delivery.add("aa")
        delivery.finish()
    assert said == ["why not; 2 objects wait, and are sent again"]
