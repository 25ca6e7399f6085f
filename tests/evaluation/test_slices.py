"""Parts of the queries: their means, their chance, and no slice of single patients."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.slices import measure_slices
from tests.evaluation.samples import clouds, ranked


def test_slices_are_means_over_their_queries():
    x, conditions, subjects = clouds({"a": 12, "b": 9}, gap=1.5)
    found = ranked(x, conditions, subjects)
    scanner = ["one", "two", "two"] * 7
    slices = measure_slices(found, {"scanner": scanner}, ["scanner", "nowhere"])
    assert [(s.column, s.name) for s in slices] == [
        ("condition", "a"),
        ("condition", "b"),
        ("scanner", "one"),
        ("scanner", "two"),
    ]
    values, names = found.values["precision_at_1"], np.array(conditions)
    assert slices[0].precision_at_1.value == pytest.approx(values[names == "a"].mean())
    assert slices[0].precision_at_1.chance == pytest.approx(11 / 20)
    two = np.array(scanner) == "two"
    assert slices[3].average_precision.value == pytest.approx(
        found.values["average_precision"][two].mean()
    )
    assert slices[3].precision_at_1.low < slices[3].precision_at_1.value
    assert (slices[3].n_queries, slices[3].n_subjects) == (14, 14)


def test_a_slice_of_few_subjects_has_no_figure():
    x, conditions, subjects = clouds({"a": 12, "b": 4}, cases=2)
    small = measure_slices(ranked(x, conditions, subjects), {}, [])[1]
    assert (small.n_queries, small.n_subjects) == (8, 4)
    assert small.precision_at_1 is None
    assert small.average_precision is None


def test_a_column_with_one_value_is_passed_over():
    x, conditions, subjects = clouds({"a": 6, "b": 6})
    slices = measure_slices(ranked(x, conditions, subjects), {"site": ["x"] * 12}, ["site"])
    assert {entry.column for entry in slices} == {"condition"}
