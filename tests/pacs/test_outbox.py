from __future__ import annotations

from itertools import pairwise

import pytest

from medsiam.errors import OutputError
from medsiam.pacs import Outbox
from medsiam.pacs.outbox import Sending


class Archive:
    """Answers as it is told to, and counts what it was sent."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.got = []

    def __call__(self, paths):
        reply = self.replies.pop(0) if self.replies else "taken"
        self.got += [path.name for path in paths if reply == "taken"]
        return [Sending(reply, "why")] * len(paths)


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "dicom"
    folder.mkdir()
    paths = [folder / f"2.25.{n}.dcm" for n in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


def test_everything_is_delivered_once_and_never_again(tmp_path, results):
    outbox, archive = Outbox(tmp_path / "outbox"), Archive()
    assert all(outbox.put(path) for path in results)
    assert not outbox.put(results[0])
    assert [sending.reply for sending in outbox.deliver(archive)] == ["taken"] * 3
    assert sorted(archive.got) == [path.name for path in results]
    assert outbox.waiting == ()
    assert not any(Outbox(tmp_path / "outbox").put(path) for path in results)
    assert outbox.deliver(archive) == ()


def test_after_a_failure_it_waits_longer_each_time_and_another_process_goes_on(tmp_path, results):
    now = [0.0]
    outbox = Outbox(tmp_path / "outbox", clock=lambda: now[0])
    outbox.put(results[0])
    archive = Archive(*["later"] * 9)
    attempts = []
    while now[0] < 200:
        if outbox.deliver(archive):
            attempts.append(now[0])
        now[0] += 0.5
    waits = [b - a for a, b in pairwise(attempts)]
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert max(waits) == 60
    later = Outbox(tmp_path / "outbox")
    assert len(later.waiting) == 1
    later.deliver(Archive())
    assert later.waiting == ()


def test_what_is_refused_for_good_is_kept_apart(tmp_path, results):
    outbox = Outbox(tmp_path / "outbox")
    outbox.put(results[0])
    outbox.deliver(Archive("refused"))
    assert outbox.waiting == ()
    assert (tmp_path / "outbox" / "refused" / results[0].name).read_bytes()
    assert not outbox.put(results[0])


def test_what_is_never_taken_holds_nothing_up(tmp_path, results):
    now = [0.0]
    outbox = Outbox(tmp_path / "outbox", clock=lambda: now[0])
    stuck = results[0]
    outbox.put(stuck)

    def archive(paths):
        return [Sending("later" if path.name == stuck.name else "taken") for path in paths]

    outbox.deliver(archive)
    for number in range(120):
        path = tmp_path / f"2.25.9{number}.dcm"
        path.write_bytes(b"x")
        outbox.put(path)
    for _ in range(4):
        now[0] += 60
        outbox.deliver(archive)
    assert [path.name for path in outbox.waiting] == [stuck.name]


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path):
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(OutputError, match="cannot make the folder"):
        Outbox(tmp_path / "outbox")
