from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from medsiam.bank import NewCase, ReferenceBank, copy_bank
from medsiam.bank.copying import copy_rows
from medsiam.bank.place import bank_place
from medsiam.comparison import compare_embedding
from medsiam.errors import BankError
from tests.bank.samples import make_image, make_review


@pytest.fixture
def original(bank) -> ReferenceBank:
    """A bank with a history: removals, a case that came back, calibrations, reviews."""
    news = [
        NewCase((make_image(n),), f"c{n}", "LAM" if n % 2 else "PAP", patient_id=f"p{n}", notes="é")
        for n in range(6)
    ]
    bank.add_many(news, who="ada", why="first")
    bank.remove_many(["c1", "c2"], who="bob", why="wrong")
    bank.restore(1, who="ada")
    bank.reviews.append(make_review("ada", comment="one", distance=0.1 + 0.2))
    bank.reviews.append(make_review("bob"))
    bank.reviews.withdraw(1, reader="ada")
    return bank


def everything(bank: ReferenceBank) -> list[object]:
    snapshots = [bank.snapshot(version.number) for version in bank.versions]
    return [
        bank._store.facts,
        bank.versions,
        [(s.cases, s.embeddings.tobytes(), s.picture_hashes) for s in snapshots],
        bank.calibrations,
        bank.reviews.all(),
        bank.reviews.verify(bank.reviews.head),
        [bank.stays(f"c{n}") for n in range(6)],
        [bank.scans(case.case_id)[0].array.tobytes() for case in bank.cases],
        bank.encoder.fingerprint,
    ]


def ranking(bank: ReferenceBank) -> list[tuple[str, float]]:
    query = make_image(99)
    found = compare_embedding(bank.encoder.embed([query])[0], query, bank, k=6)
    return [(match.case_id, match.distance) for match in found.matches]


def test_there_and_back_nothing_has_changed(original, server, tmp_path):
    address = server.address()
    original.keep_calibration('{"t": 1}', bank_version=1, who="ada")
    there = copy_bank(original.path, address)
    back = copy_bank(address, tmp_path / "back")
    again = copy_bank(there.reopened_by, server.address())
    for copied in (there, back, again):
        assert everything(copied) == everything(original)
    there.add(make_image(50), case_id="new", condition="LAM")
    assert there.version == original.version + 1, "they share nothing"
    assert len(original.cases) == len(back.cases) == 6


def test_a_copy_answers_as_the_original_does(original, server, tmp_path):
    there = copy_bank(original.path, server.address())
    back = copy_bank(there.reopened_by, tmp_path / "back")
    assert ranking(there) == ranking(back) == ranking(original)


@pytest.mark.parametrize("form", [1, 2, 3])
def test_rows_of_an_older_form_are_brought_up_to_date(form, server, tmp_path):
    old = tmp_path / "old"
    old.mkdir()
    with closing(sqlite3.connect(old / "bank.sqlite")) as connection:
        connection.executescript((Path(__file__).parent / f"form_{form}.sql").read_text())
    place = bank_place(server.address())
    with bank_place(old).reading() as reading:
        place.make_filled({}, lambda writing: copy_rows(reading, writing), None)
    store, source = place.open_store(), bank_place(old).open_store()
    store.check_whole()
    assert store.versions() == source.versions()
    for version in store.versions():
        mine, theirs = store.read(version.number), source.read(version.number)
        assert mine.cases == theirs.cases
        np.testing.assert_array_equal(mine.embeddings, theirs.embeddings)
    assert store.reviews.head() is not None


def test_nothing_is_overwritten_and_a_damaged_bank_is_not_copied(original, server, tmp_path):
    address = server.address()
    copy_bank(original.path, address)
    for target in (address, original.path):
        with pytest.raises(BankError, match="exists already"):
            copy_bank(original.path, target)
    next((original.path / "scans").iterdir()).unlink()
    with pytest.raises(BankError, match="missing"):
        copy_bank(original.path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_bank_without_pixels_stays_one(server, tmp_path, encoder):
    bank = ReferenceBank.create(tmp_path / "bank", encoder, pixels=False)
    bank.add(make_image(1), case_id="a", condition="LAM")
    back = copy_bank(copy_bank(bank.path, server.address()).reopened_by, tmp_path / "back")
    assert not back.keeps_pixels
    assert sorted(path.name for path in back.path.iterdir()) == ["bank.sqlite", "encoder"]
