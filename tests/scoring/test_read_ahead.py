"""Real files, real processes: what is read ahead, what it may cost, and how it ends."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medsiam.preprocessing import Recipe, prepare
from medsiam.scans import ScanSource, index_folder, worker
from medsiam.scoring import Limits
from medsiam.scoring.read_ahead import ReadAhead
from tests.scans.written import write_stack

RECIPE = Recipe(spatial_dims=2, spatial_size=(8, 8))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> tuple[ScanSource, ...]:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    for n in range(9):
        Image.fromarray(rng.integers(0, 255, (12, 10), np.uint8)).save(folder / f"{n}.png")
    return index_folder(folder).sources


def children() -> set[int]:
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for path in listed for pid in path.read_text().split()}


def all_of(reader: ReadAhead, most: int = 4):
    found = []
    for batch in reader.batches(most):
        assert 1 <= len(batch) <= most
        found += batch
        for reading in batch:
            reading.done()
    return sorted(found, key=lambda reading: reading.place)


def test_each_is_read_and_prepared_as_if_alone(pictures):
    with ReadAhead(pictures, RECIPE, limits=Limits(workers=3)) as reader:
        readings = all_of(reader)
    assert [reading.place for reading in readings] == list(range(9))
    for source, reading in zip(pictures, readings, strict=True):
        alone = source.read()
        assert reading.fault is None
        assert reading.scan.content_hash == alone.content_hash
        assert torch.equal(reading.tensor, prepare(alone, RECIPE))
        assert reading.content is None  # nobody asked


def test_no_worker_reads_on_before_its_outcome_is_kept(pictures):
    with ReadAhead(pictures, RECIPE, limits=Limits(workers=2)) as reader:
        batches = reader.batches(8)
        held = next(batches)
        while len(held) < 2:
            held += next(batches)
        waiting = threading.Thread(target=lambda: held.extend(next(batches)), daemon=True)
        waiting.start()
        waiting.join(1)
        assert len(held) == 2  # both workers have one in hand, and nobody has kept it
        held[0].done()
        waiting.join(20)
        assert len(held) == 3


def test_what_is_known_is_not_read(pictures):
    asked = []

    def is_known(place: int, content: str) -> bool:
        asked.append((place, content))
        return place % 2 == 0

    with ReadAhead(pictures, RECIPE, limits=Limits(workers=2), is_known=is_known) as reader:
        readings = all_of(reader)
    assert [reading.known for reading in readings] == [n % 2 == 0 for n in range(9)]
    assert all((reading.scan is None) == reading.known for reading in readings)
    assert dict(asked) == {reading.place: reading.content for reading in readings}


def test_a_file_that_changes_while_it_is_read_has_no_content(pictures, tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(pictures[0].path.read_bytes())

    def touched(place: int, content: str) -> bool:
        os.utime(path, (1, 1))  # after the hash was taken
        return False

    source = ScanSource("image", path, (path,), spatial_dims=2)
    with ReadAhead([source], RECIPE, limits=Limits(workers=1), is_known=touched) as reader:
        (reading,) = all_of(reader)
    assert reading.content is None
    assert reading.scan is not None


def test_a_hang_and_a_bomb_cost_their_limit_and_themselves(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "SECONDS_PER_FILE", 0.0)
    slow = write_stack(tmp_path / "slow", np.zeros((3600, 8, 8), np.int16))
    bomb = tmp_path / "bomb.png"
    Image.new("L", (13000, 13000)).save(bomb, compress_level=1)
    sources = [
        ScanSource("dicom", tmp_path / "slow", tuple(slow)),
        ScanSource("image", bomb, (bomb,)),
        *pictures,
    ]
    limits = Limits(workers=2, wall_seconds=0.7, memory_bytes=512 << 20)
    began = time.monotonic()
    with ReadAhead(sources, RECIPE, limits=limits) as reader:
        readings = all_of(reader)
    assert time.monotonic() - began < 60
    codes = [getattr(reading.fault, "code", None) for reading in readings]
    assert codes[0] == "timed_out"
    assert codes[1] in ("too_large", "timed_out")
    assert len(readings) == 11
    assert sum(reading.scan is not None for reading in readings) >= 8


def test_leaving_ends_every_process_at_once(tmp_path):
    before = children()
    slow = write_stack(tmp_path / "slow", np.zeros((900, 48, 48), np.int16))
    source = ScanSource("dicom", tmp_path / "slow", tuple(slow))
    with ReadAhead([source] * 4, RECIPE, limits=Limits(workers=2)):
        deadline = time.monotonic() + 20
        while len(children() - before) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert children() <= before


def test_series_that_are_too_large_together_go_one_by_one(pictures):
    inside, most = 0, 0

    def is_known(place: int, content: str) -> bool:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        inside -= 1
        return True

    limits = Limits(workers=4, waiting_bytes=1)
    with ReadAhead(pictures, RECIPE, limits=limits, is_known=is_known) as reader:
        assert len(all_of(reader)) == 9
    assert most == 1


def test_a_fault_of_the_program_itself_is_not_lost(pictures):
    def broken(place: int, content: str) -> bool:
        raise RuntimeError("planted")

    limits = Limits(workers=2)
    with (
        pytest.raises(RuntimeError, match="planted"),
        ReadAhead(pictures, RECIPE, limits=limits, is_known=broken) as reader,
    ):
        all_of(reader)
