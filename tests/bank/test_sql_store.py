"""What every `CaseStore` in a database does, held against each of them."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from medsiam.bank import statements
from medsiam.bank.sql_store import SqlStore
from medsiam.errors import BankError, EncoderMismatchError
from tests.bank.samples import DIM, FACTS, FINGERPRINT, add, make_record, start, vector_of


def ids(store: SqlStore, version: int | None = None) -> list[str]:
    return [case.case_id for case in store.read(version).cases]


def test_a_new_store_is_empty_and_remembers_what_was_fixed(kept):
    kept.make()
    store = kept.open()
    assert store.facts == FACTS
    assert store.version() == 0
    assert store.read().embeddings.shape == (0, DIM)


def test_cases_come_back_in_order_with_their_own_vectors(kept):
    store = kept.make()
    add(store, "z", "a", "m", phases=("ED", "ES"))
    add(store, "b", phases=("ED", "ES"))
    snapshot = kept.open().read()
    assert [case.case_id for case in snapshot.cases] == ["z", "a", "m", "b"]
    expected = [np.concatenate([vector_of(i, "ED"), vector_of(i, "ES")]) for i in "zamb"]
    np.testing.assert_array_equal(snapshot.embeddings, np.stack(expected))
    assert snapshot.cases[1] == make_record("a", phases=("ED", "ES")).case
    with pytest.raises(ValueError, match="read-only"):
        snapshot.embeddings[0] = 0


def test_every_change_is_a_version_and_every_old_view_stays(kept):
    store = kept.make()
    views = [[]]
    add(store, "a", "b")
    views.append(ids(store))
    store.remove(["a"], why="wrong patient")
    views.append(ids(store))
    add(store, "c")
    views.append(ids(store))
    add(store, "a")  # a removed name and a removed scan may come back
    views.append(ids(store))
    store.remove(["b", "c", "b"])
    views.append(ids(store))
    assert views == [[], ["a", "b"], ["b"], ["b", "c"], ["b", "c", "a"], ["a"]]
    assert [ids(store, number) for number in range(6)] == views
    assert [(v.number, v.what, v.why, v.n_cases) for v in store.versions()] == [
        (0, "create", None, 0),
        (1, "add 2 cases", None, 2),
        (2, "remove 1 case", "wrong patient", 1),
        (3, "add 1 case", None, 2),
        (4, "add 1 case", None, 3),
        (5, "remove 2 cases", None, 1),
    ]
    np.testing.assert_array_equal(store.read(1).embeddings[0], vector_of("a"))
    with pytest.raises(BankError, match="no version 6"):
        store.read(6)


def test_a_refused_case_stops_the_whole_addition(kept):
    store = kept.make()
    add(store, "a")
    with pytest.raises(BankError, match="case a is in the bank already"):
        add(store, "b", "a", "c")
    assert ids(store) == ["a"]
    assert store.version() == 1


def test_with_partial_only_the_refused_case_stays_out(kept):
    store = kept.make()
    add(store, "a")
    twin = make_record("twin of a", hashes=make_record("a").case.content_hashes)
    records = [make_record("b"), twin, make_record("b"), make_record("c")]
    added = store.add(records, encoder_fingerprint=FINGERPRINT, partial=True)
    assert [case.case_id for case in added.cases] == ["b", "c"]
    assert [(case.case_id, str(error)) for case, error in added.refused] == [
        ("twin of a", "case twin of a: the same scan is in the bank already, as case a"),
        ("b", "case b is in the bank already; remove it first, or choose another case_id"),
    ]
    assert store.version() == added.version == 2


@pytest.mark.parametrize("records", [[], [make_record("a")]])
def test_where_nothing_goes_in_no_version_is_made(records, kept):
    store = kept.make()
    add(store, "a")
    added = store.add(records, encoder_fingerprint=FINGERPRINT, partial=True)
    assert added.version == store.version() == 1


def test_another_encoder_s_vectors_are_refused_by_name(kept):
    store = kept.make()
    with pytest.raises(EncoderMismatchError, match=r"sample encoder \(a1a1a1a1a1a1\).*b2b2"):
        store.add([make_record("a")], encoder_fingerprint="b2" * 32)
    assert store.version() == 0


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.zeros((1, DIM + 1), np.float32), r"shape \(1, 5\)"),
        (np.zeros((2, DIM), np.float32), r"shape \(2, 4\)"),
        (np.full((1, DIM), np.nan, np.float32), "not finite"),
    ],
)
def test_vectors_that_cannot_be_are_refused(vectors, said, kept):
    record = dataclasses.replace(make_record("a"), vectors=vectors)
    with pytest.raises(BankError, match=f"case a: .*{said}"):
        kept.make().add([record], encoder_fingerprint=FINGERPRINT)


def test_an_unknown_case_is_named_and_nothing_removed(kept):
    store = kept.make()
    add(store, "a", "b")
    with pytest.raises(BankError, match="no case x, y; nothing was removed"):
        store.remove(["a", "y", "x"])
    with pytest.raises(BankError, match="no case x"):
        store.record("x")
    assert ids(store) == ["a", "b"]


def test_check_foretells_what_add_would_say(kept):
    store = kept.make()
    add(store, "a")
    store.check(make_record("b").case)
    with pytest.raises(BankError, match="case a is in the bank"):
        store.check(make_record("a").case)
    store.remove(["a"])
    store.check(make_record("a", phases=("ED", "ES")).case)  # an empty bank takes other phases


def test_an_open_store_sees_what_others_commit(kept):
    mine = kept.make()
    theirs = kept.open()
    add(theirs, "a")
    assert mine.version() == 1
    assert ids(mine) == ["a"]


def test_more_cases_than_one_statement_takes(kept, monkeypatch):
    monkeypatch.setattr(statements, "_CHUNK", 7)
    store = kept.make()
    many = [f"c{i}" for i in range(30)]
    add(store, *many)
    assert ids(store) == many
    with pytest.raises(BankError, match="case c29 is in the bank"):
        add(store, "new", "c29")
    assert store.remove(many) == 2
    assert ids(store) == []


def test_two_writers_lose_nothing_and_a_reader_sees_whole_versions_only(kept):
    store = kept.make()
    writers = [start("writer_process", kept.address, name, 30, 2) for name in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        snapshot = kept.open().read()
        assert len(snapshot.cases) == 2 * snapshot.version
        for case, vector in zip(snapshot.cases, snapshot.embeddings, strict=True):
            np.testing.assert_array_equal(vector, vector_of(case.case_id))
        seen.add(snapshot.version)
        time.sleep(0.02)
    for writer in writers:
        assert writer.returncode == 0
        assert writer.stdout.read().count("committed") == 30
        writer.stdout.close()
    expected = {f"{name}-{i}-{j}" for name in "ab" for i in range(30) for j in range(2)}
    assert set(ids(store)) == expected
    assert store.version() == 60
    assert len(seen) > 2, "the reader never looked while they wrote"


def test_a_case_that_vanished_is_missed(kept):
    store = kept.make()
    add(store, "a", "b")
    kept.sql("UPDATE cases SET removed_version = 1 WHERE case_id = 'b'")
    with pytest.raises(BankError, match="1 of 2 cases are left"):
        store.read()


def test_going_back_is_a_new_version_with_the_cases_of_the_old_one(kept):
    store = kept.make()
    add(store, "a", "b")
    store.remove(["a"])
    add(store, "c")
    add(store, "a", condition="PAP")
    before = [(ids(store, number), store.read(number).cases) for number in range(5)]
    assert store.restore(1, who="curie", why="c was no LAM") == 5
    restored = store.read()
    assert {case.case_id: case for case in restored.cases} == {
        case.case_id: case for case in store.read(1).cases
    }
    for case, vector in zip(restored.cases, restored.embeddings, strict=True):
        np.testing.assert_array_equal(vector, vector_of(case.case_id))
    assert [(ids(store, number), store.read(number).cases) for number in range(5)] == before
    last = store.versions()[-1]
    assert (last.what, last.why, last.who, last.n_cases) == (
        "go back to version 1",
        "c was no LAM",
        "curie",
        2,
    )
    assert store.restore(1) == store.version() == 5, "it holds just these cases already"
    assert store.restore(4) == 6
    assert set(ids(store)) == {"a", "b", "c"}
    assert store.record("a").case.condition == "PAP"
    assert store.restore(0) == 7
    assert ids(store) == []
    store.check_whole()
    with pytest.raises(BankError, match="no version 9"):
        store.restore(9)


def test_calibrations_are_kept_in_order_and_covered_by_a_checksum(kept):
    store = kept.make()
    add(store, "a")
    assert store.calibrations() == ()
    first = store.keep_calibration('{"t": 1}', bank_version=0, who="curie")
    second = store.keep_calibration('{"t": 2}', bank_version=1, who=None)
    assert (first.number, first.bank_version, first.who) == (1, 0, "curie")
    assert store.version() == 1, "what distances mean is no change of the cases"
    assert kept.open().calibrations() == (first, second)
    with pytest.raises(BankError, match="no version 2"):
        store.keep_calibration("{}", bank_version=2, who=None)
    kept.sql("""UPDATE calibrations SET document = '{"t": 9}' WHERE number = 2""")
    with pytest.raises(BankError, match="calibration 2 does not match its checksum"):
        store.check_whole()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("removed_version = 0 WHERE case_id = 'b'", "the removal of case b does not match"),
        ("removed_version = 3 WHERE case_id = 'a'", "the removal of case a does not match"),
        ("removed_version = NULL WHERE case_id = 'a'", "the removal of case a does not match"),
        ("condition = 'PAP' WHERE case_id = 'a'", "case a does not match"),
    ],
)
def test_damage_is_named_even_where_the_newest_version_does_not_show_it(change, said, kept):
    store = kept.make()
    add(store, "a", "b")
    store.remove(["a"])
    add(store, "c")
    store.check_whole()
    kept.sql(f"UPDATE cases SET {change}")
    with pytest.raises(BankError, match=said):
        store.check_whole()
