"""Who may meet whom."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import UsageError
from tests.evaluation.samples import cohort_of

SOURCES = {"source": ["x", "x", "y", "y"]}


def test_a_subject_never_meets_itself():
    cohort = cohort_of("abab", "1123")
    allowed = cohort.admissible(np.arange(4))
    np.testing.assert_array_equal(~allowed, np.equal.outer(cohort.owners, cohort.owners))
    assert (cohort.n_conditions, cohort.n_subjects, cohort.one_sided) == (2, 3, False)


@pytest.mark.parametrize(("rule", "meets"), [("one", [1]), ("different", [2, 3])])
def test_sources(rule, meets):
    cohort = cohort_of("aabb", "1234", facts=SOURCES, sources=rule)
    assert np.flatnonzero(cohort.admissible(np.array([0]))[0]).tolist() == meets


def test_splits():
    facts = {"split": ["train", "val", "train", None]}
    cohort = cohort_of("aabb", "1234", facts=facts, bank_split="train", query_split="val")
    assert cohort.one_sided
    assert np.flatnonzero(cohort.admissible(np.arange(4)).any(axis=1)).tolist() == [1]
    assert np.flatnonzero(cohort.admissible(np.arange(4)).any(axis=0)).tolist() == [0, 2]
    with pytest.raises(UsageError, match=r"no case has the split 'test' .* train, val"):
        cohort_of("aabb", "1234", facts=facts, bank_split="test")


def test_a_source_is_needed_where_the_protocol_asks_for_it():
    with pytest.raises(UsageError, match="needs the column source for every case, and 4 of 4"):
        cohort_of("aabb", "1234", sources="one")
    with pytest.raises(UsageError, match="1 of 4 have none"):
        cohort_of("aabb", "1234", facts={"source": ["x", "", "y", "y"]}, sources="different")


def test_a_part_has_codes_of_its_own():
    cohort = cohort_of("abca", "1231", facts=SOURCES, sources="one")
    part = cohort.part(np.array([False, True, True, False]))
    assert part.labels.tolist() == [0, 1]
    assert part.owners.tolist() == [0, 1]
    assert part.names.tolist() == ["b", "c"]
