"""What is measured once per version of a bank."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from medsiam.comparison import yardstick as module
from medsiam.comparison.yardstick import yardstick
from medsiam.distances import precision_root, shrunk_precision
from medsiam.errors import UsageError
from tests.comparison.stub_bank import make_bank, ring_bank


def test_a_version_is_measured_once_with_each_metric(monkeypatch):
    bank = ring_bank()
    first = yardstick(bank, bank.snapshot(), "cosine")
    assert yardstick(bank, bank.snapshot(), "cosine") is first
    assert yardstick(bank, bank.snapshot(), "euclidean") is not first
    bank.version = 2
    second = yardstick(bank, bank.snapshot(), "cosine")
    assert second is not first
    assert second.version == 2


def test_what_was_measured_goes_with_the_bank():
    bank = ring_bank()
    gone = weakref.ref(yardstick(bank, bank.snapshot(), "cosine"))
    before = len(module._measured)
    del bank
    gc.collect()
    assert gone() is None
    assert len(module._measured) < before


def test_arrays_are_the_cases():
    bank = ring_bank()
    cases = yardstick(bank, bank.snapshot(), "cosine").cases
    assert cases.case_ids.tolist() == [case.case_id for case in bank.cases]
    assert cases.conditions.tolist() == [case.condition for case in bank.cases]
    assert cases.n_patients == 12


def test_precision_is_learned_within_conditions_where_there_are_two_cases():
    bank = ring_bank()
    conditions = [case.condition for case in bank.cases]
    found = yardstick(bank, bank.snapshot(), "mahalanobis")
    assert not found.space.pooled
    expected = precision_root(shrunk_precision(bank.embeddings, conditions), 6)
    assert np.array_equal(found.space.root, expected)
    assert yardstick(bank, bank.snapshot(), "cosine").space.root is None


def test_precision_is_that_of_all_cases_where_no_condition_has_two():
    vectors = np.random.default_rng(0).normal(size=(4, 3))
    bank = make_bank(*((f"c{i}", f"C{i}", f"p{i}") for i in range(4)), embeddings=vectors)
    found = yardstick(bank, bank.snapshot(), "mahalanobis")
    assert found.space.pooled
    expected = precision_root(shrunk_precision(bank.embeddings), 3)
    assert np.array_equal(found.space.root, expected)


def test_a_bank_of_one_case_has_no_spread():
    bank = make_bank(("c", "A", "p"), embeddings=[[1.0, 2.0]])
    with pytest.raises(UsageError, match="mahalanobis"):
        yardstick(bank, bank.snapshot(), "mahalanobis")


@pytest.mark.parametrize(("n_patients", "measured"), [(9, False), (10, True)])
def test_small_banks_are_not_measured_for_a_limit(n_patients, measured):
    bank = ring_bank(n_patients)
    found = yardstick(bank, bank.snapshot(), "cosine")
    assert (found.others is not None) == measured
