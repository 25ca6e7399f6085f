from __future__ import annotations

import gzip
import threading
import time

import numpy as np
import pytest

from viewer.volume_shelf import Lent, VolumeShelf, the_shelf


class Counted:
    """A source whose bytes are made on demand, and how often."""

    def __init__(self, content: bytes = b"voxels") -> None:
        self.content, self.made = content, 0

    def encode(self) -> bytes:
        self.made += 1
        return self.content

    @property
    def lent(self) -> Lent:
        return Lent(self, self.encode)


def content(shelf: VolumeShelf, name: str) -> bytes:
    return gzip.decompress(shelf.body(name))


def test_bytes_are_made_when_asked_for_and_once():
    shelf, one = VolumeShelf(), Counted()
    (name,) = shelf.lend("page", [one.lent])
    assert one.made == 0
    assert content(shelf, name) == content(shelf, name) == bytes.fromhex(name) + b"voxels"
    assert one.made == 1


def test_a_source_keeps_its_name_and_another_one_never_gets_it():
    shelf = VolumeShelf()
    one, same_content = Counted(), Counted()
    names = shelf.lend("page", [one.lent, same_content.lent])
    assert len(set(names)) == 2
    assert shelf.lend("other page", [one.lent])[0] == names[0]
    seen = set(names)
    for _ in range(200):  # memory is used again for others soon
        (name,) = shelf.lend("page", [Counted().lent])
        assert name not in seen
        seen.add(name)


def test_names_say_nothing():
    scan = np.zeros(3)
    first = VolumeShelf().lend("page", [Lent(scan, scan.tobytes)])
    assert VolumeShelf().lend("page", [Lent(scan, scan.tobytes)]) != first


def test_what_nobody_shows_any_more_is_gone():
    shelf, one, two = VolumeShelf(), Counted(), Counted()
    (name,) = shelf.lend("first", [one.lent])
    shelf.lend("second", [one.lent])
    shelf.body(name)
    shelf.lend("first", [two.lent])
    assert shelf.body(name) is not None  # the second one still shows it
    shelf.release("second")
    assert shelf.body(name) is None
    shelf.release("never was here")


def test_the_ceiling_holds_and_what_went_comes_back():
    noise = np.random.default_rng(0)
    sources = [Counted(noise.bytes(1000)) for _ in range(5)]
    shelf = VolumeShelf(ceiling=3500)
    names = shelf.lend("page", [one.lent for one in sources])
    for name in names:
        shelf.body(name)
    assert sum(len(body) for body in shelf._bodies.values()) <= 3500
    assert content(shelf, names[0])[16:] == sources[0].content
    assert sources[0].made == 2
    shelf.body(names[4])
    assert sources[4].made == 1  # asked for last


def test_two_who_ask_at_once_wait_for_one_making():
    one = Counted()
    slow = Lent(one, lambda: (time.sleep(0.2), one.encode())[1])
    shelf = VolumeShelf()
    (name,) = shelf.lend("page", [slow])
    found: list[bytes | None] = []
    askers = [threading.Thread(target=lambda: found.append(shelf.body(name))) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert one.made == 1
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", ["", "00" * 16, "../../etc/passwd"])
def test_an_unknown_name_is_nothing(name):
    assert VolumeShelf().body(name) is None


def test_there_is_one_for_all_pages():
    assert the_shelf() is the_shelf()
