from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from medsiam.bank import rows
from medsiam.bank.store import Version
from medsiam.errors import BankError
from tests.bank.samples import FACTS, make_record


class StoredRow(SimpleNamespace):
    """A database row as the conversion sees it: values by name, by position and as a mapping."""

    @property
    def _mapping(self):
        return vars(self)

    def __iter__(self):
        return iter(vars(self).values())


def stored(record, **changes) -> tuple[StoredRow, list[StoredRow], list[StoredRow]]:
    case, scans, vectors = rows.record_to_values(record, 7)
    return (
        StoredRow(**(case | changes)),
        [StoredRow(case=1, **scan) for scan in scans],
        [StoredRow(case=1, **vector) for vector in vectors],
    )


def test_a_record_comes_back_to_the_last_digit():
    record = make_record("c1", phases=("ED", "ES"))
    affine = tuple(np.random.default_rng(0).normal(size=16).tolist())
    scans = (dataclasses.replace(record.scans[0], affine=affine, window=None), record.scans[1])
    record = dataclasses.replace(record, scans=scans)
    back = rows.record_from_rows(*stored(record))
    assert back.case == record.case
    assert back.scans == record.scans
    assert back.vectors.dtype == np.float32
    assert back.vectors.tobytes() == record.vectors.tobytes()


@pytest.mark.parametrize(
    "column",
    ["condition", "patient", "proof", "source", "licence", "added", "notes", "added_version"],
)
def test_a_changed_fact_is_found_and_the_case_named(column):
    with pytest.raises(BankError, match="case c1 does not match its checksum"):
        rows.record_from_rows(*stored(make_record("c1"), **{column: "changed"}))


@pytest.mark.parametrize("column", ["phase", "content_hash", "shape", "spacing", "window"])
def test_a_changed_fact_of_a_scan_is_found(column):
    case, scans, vectors = stored(make_record("c1"))
    setattr(scans[0], column, "[1.0, 2.0]")
    with pytest.raises(BankError, match="case c1"):
        rows.record_from_rows(case, scans, vectors)


def test_every_flipped_bit_of_a_vector_is_found():
    case, scans, vectors = stored(make_record("c1"))
    whole = vectors[0].vector
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        vectors[0].vector = bytes(flipped)
        with pytest.raises(BankError, match="case c1"):
            rows.record_from_rows(case, scans, vectors)


@pytest.mark.parametrize("lost", ["scans", "vectors"])
def test_lost_rows_are_found(lost):
    case, scans, vectors = stored(make_record("c1"))
    with pytest.raises(BankError, match="case c1"):
        rows.record_from_rows(
            case, [] if lost == "scans" else scans, [] if lost == "vectors" else vectors
        )


def test_facts_of_the_bank_come_back_or_are_refused():
    values = rows.facts_to_values(FACTS)
    assert rows.facts_from_values(values) == FACTS
    for key in values:
        with pytest.raises(BankError, match="checksum"):
            rows.facts_from_values(values | {key: "0"})
        with pytest.raises(BankError, match="checksum"):
            rows.facts_from_values({k: v for k, v in values.items() if k != key})


def test_versions_come_back_or_are_refused():
    version = Version(3, "2026-01-02T03:04:05+00:00", "add 2 cases", "from cases.csv", 9)
    values = rows.version_to_values(version)
    assert rows.version_from_row(StoredRow(**values)) == version
    for key in values:
        with pytest.raises(BankError, match="checksum"):
            rows.version_from_row(StoredRow(**(values | {key: 99})))
