from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medsiam.bank.kept_scans import write_scan
from medsiam.bank.sqlite_store import SqliteStore
from medsiam.errors import OutputError
from tests.bank.samples import add, make_image, make_store
from tests.small_disk import mounted

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        yield disk


def fill(*words: object) -> dict:
    run = subprocess.run(
        [sys.executable, "-m", "tests.bank.filling_process", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return json.loads(run.stdout)


def leave_no_byte(path: Path) -> None:
    with path.open("wb", buffering=0) as rest, contextlib.suppress(OSError):
        while True:
            rest.write(bytes(1000))


def check(outcome: dict, database: Path) -> None:
    assert outcome["ended"]["error"] == "OutputError"
    assert outcome["ended"]["code"] == 7
    assert "disk full" in outcome["ended"]["message"]
    assert "keeps its last complete version" in outcome["ended"]["message"]
    assert outcome["versions"] > 5
    assert outcome["seen"] == 2 * outcome["versions"]
    store = SqliteStore.open(database)
    store.check_whole()
    assert store.version() == outcome["versions"]
    assert len(store.read().cases) == outcome["seen"]


def test_a_full_disk_is_a_clear_error_and_an_intact_bank(small_disk):
    database = small_disk / "bank.sqlite"
    make_store(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(1_500_000))
    outcome = fill(database)
    check(outcome, database)
    leave_no_byte(small_disk / "rest")
    with pytest.raises(OutputError, match="No space left"):
        write_scan(make_image(1, size=(300, 300)), small_disk)
    assert not list(small_disk.glob("*.nii.gz"))
    store = SqliteStore.open(database)
    assert len(store.read().cases) == outcome["seen"], "it can still be read"
    with pytest.raises(OutputError, match="disk full"):
        add(store, "no room")
    filler.unlink()
    (small_disk / "rest").unlink()
    assert add(SqliteStore.open(database), "room again") == outcome["versions"] + 1


def test_a_file_that_may_not_grow_is_a_clear_error_and_an_intact_bank(tmp_path):
    make_store(tmp_path)
    database = tmp_path / "bank.sqlite"
    outcome = fill(database, 160_000)
    check(outcome, database)
    assert add(SqliteStore.open(database), "room again") == outcome["versions"] + 1
