"""Splits: nobody on both sides, each condition on both sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsiam.cases import CaseRow
from medsiam.errors import SplitError
from medsiam.training.settings import SplitSettings
from medsiam.training.split import check_disjoint, split_rows


def row(number, condition, patient=None, *, group=None, split=None, path=None):
    name = path or f"scan{number}.png"
    return CaseRow(
        row=number,
        path=Path("/data") / name,
        path_text=name,
        condition=condition,
        case_id=name,
        patient_id=patient,
        group=group,
        split=split,
    )


def table(n_patients=10, conditions=("a", "b", "c"), scans=2):
    rows = []
    for condition in conditions:
        for patient in range(n_patients):
            for _ in range(scans):
                rows.append(row(len(rows) + 2, condition, f"{condition}-{patient}"))
    return rows


def split(rows, *, seed=0, base=None, **settings):
    return split_rows(
        rows,
        base_conditions=base,
        settings=SplitSettings(**settings),
        random_state=np.random.default_rng(seed),
    )


def subjects(rows, condition=None):
    return {r.subject for r in rows if condition in (None, r.condition)}


def test_no_subject_on_both_sides_and_every_condition_has_its_share():
    for seed in range(10):
        result = split(table(), seed=seed, validation_fraction=0.3)
        assert not subjects(result.train) & subjects(result.validation)
        assert len(result.train) + len(result.validation) == 60
        for condition in "abc":
            assert len(subjects(result.validation, condition)) == 3
            assert len(subjects(result.train, condition)) == 7


def test_a_seed_repeats_and_another_differs():
    rows = table()
    assert split(rows, seed=1) == split(rows, seed=1)
    assert any(split(rows, seed=1) != split(rows, seed=seed) for seed in range(2, 6))


def test_rows_keep_table_order():
    result = split(table())
    assert [r.row for r in result.train] == sorted(r.row for r in result.train)


def test_only_base_conditions_are_used():
    result = split(table(), base=("c", "a"))
    assert {r.condition for r in (*result.train, *result.validation)} == {"a", "c"}


def test_group_stands_in_for_the_patient_and_may_hold_several_conditions():
    rng = np.random.default_rng(0)
    rows = [
        row(i + 2, "abc"[i % 3], group=f"smear{group}")
        for i, group in enumerate(rng.integers(0, 30, size=240))
    ]
    result = split(rows)
    assert not subjects(result.train) & subjects(result.validation)
    for condition in "abc":
        whole = len(subjects(rows, condition))
        share = len(subjects(result.validation, condition)) / whole
        assert 0.15 <= share <= 0.4


def test_split_column_is_honoured():
    rows = [
        row(i + 2, condition, f"{part}{condition}{i}", split=part)
        for i, (part, condition) in enumerate(
            (p, c) for p in ("train", "val", "test") for c in "ab" for _ in range(4)
        )
    ]
    both = split(rows, train="train", validation="val")
    assert {r.split for r in both.train} == {"train"}
    assert {r.split for r in both.validation} == {"val"}
    carved = split(rows, train="train", validation_fraction=0.4)
    assert {r.split for r in (*carved.train, *carved.validation)} == {"train"}
    assert len(carved.validation) == 4


def test_official_split_that_shares_a_patient_is_refused_without_naming_the_patient():
    rows = [
        row(i + 2, "ab"[i % 2], f"secret-{i % 6}", split="train" if i < 6 else "val")
        for i in range(12)
    ]
    with pytest.raises(SplitError) as caught:
        split(rows, train="train", validation="val")
    message = str(caught.value)
    assert "line 2 (scan2.png) in training" in message
    assert "line 8 (scan8.png) in validation" in message
    assert "secret" not in message


def test_the_same_file_on_both_sides_is_refused():
    first = row(2, "a", "p1", path="x/../same.png")
    second = row(9, "a", "p2", path="same.png")
    with pytest.raises(SplitError, match=r"line 2 .* line 9 .* are the same file"):
        check_disjoint({"training": [first], "validation": [second]})


def test_rows_without_patient_and_group_stand_alone():
    rows = [row(i + 2, "ab"[i % 2]) for i in range(20)]
    result = split(rows)
    assert len(result.validation) == 4


@pytest.mark.parametrize("n_patients", [1, 3])
def test_too_few_subjects_are_named(n_patients):
    rows = table(conditions=("a", "b")) + [
        row(100 + i, "thin", f"p{i % n_patients}") for i in range(8)
    ]
    with pytest.raises(SplitError, match=r"at least 2 subjects .* too few: thin \("):
        split(rows)


@pytest.mark.parametrize(
    ("base", "settings", "message"),
    [
        (("a", "typo"), {}, "base condition typo: not in the case table, which has a, b, c"),
        (("a",), {}, "at least two"),
        (None, {"train": "train"}, "no row of the base conditions has split = 'train'"),
    ],
)
def test_faults_of_the_request_are_named(base, settings, message):
    with pytest.raises(SplitError, match=message):
        split(table(), base=base, **settings)
