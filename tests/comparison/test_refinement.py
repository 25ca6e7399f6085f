from __future__ import annotations

import numpy as np
import pytest

from medsiam.comparison import compare_embedding, refine
from medsiam.errors import UsageError
from tests.comparison.stub_bank import make_bank, make_scan, ring_bank


def unit(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_query_moves_as_rocchio_says(metric):
    bank = ring_bank(20, conditions=("A", "B", "C"), seed=3)
    query = bank.embeddings[4] + bank.embeddings[9]
    found = refine(
        query,
        make_scan(),
        bank,
        like=["case-00-0", "case-03-1"],
        unlike=["case-01-0"],
        k=8,
        metric=metric,
    )
    x, q = bank.embeddings.astype(float), query.astype(float)
    if metric == "cosine":
        x, q = unit(x), unit(q)
    row = {case.case_id: i for i, case in enumerate(bank.cases)}
    like = (x[row["case-00-0"]] + x[row["case-03-1"]]) / 2
    moved = q + 0.75 * (like - q) - 0.25 * (x[row["case-01-0"]] - q)
    distances = 1 - x @ unit(moved) if metric == "cosine" else np.linalg.norm(x - moved, axis=1)
    best: dict[str, tuple[float, str]] = {}
    for case, distance in zip(bank.cases, distances, strict=True):
        patient = case.case_id[:7]
        if patient in {"case-00", "case-03", "case-01"}:
            continue
        best[patient] = min(best.get(patient, (np.inf, "")), (float(distance), case.case_id))
    expected = sorted(best.values())[:8]
    assert [match.case_id for match in found.matches] == [case_id for _, case_id in expected]
    assert [m.distance for m in found.matches] == pytest.approx([d for d, _ in expected], abs=1e-6)
    assert [match.rank for match in found.matches] == list(range(1, 9))


def test_marking_cases_of_one_condition_brings_more_of_it():
    """Between two clouds, the reader's marks decide."""
    bank = ring_bank(16, conditions=("A", "B"), seed=1)
    centres = {
        name: bank.embeddings[[c.condition == name for c in bank.cases]].mean(axis=0)
        for name in "AB"
    }
    query = (centres["A"] + centres["B"]) / 2
    for name in "AB":
        marked = [c.case_id for c in bank.cases if c.condition == name][:2]
        found = refine(query, make_scan(), bank, like=marked, k=5, metric="euclidean")
        assert {match.condition for match in found.matches} == {name}


def test_the_own_patient_and_the_whole_of_a_marked_patient_are_left_out():
    bank = ring_bank(8)
    mine = make_scan(patient_id="patient 5")
    found = refine(bank.embeddings[10], mine, bank, like=["case-02-0"], k=50)
    shown = {match.case_id[:7] for match in found.matches}
    assert shown == {f"case-{n:02d}" for n in range(8)} - {"case-02", "case-05"}


def test_only_dislikes_move_away():
    bank = make_bank(
        ("near", "A", "1"), ("left", "A", "2"), ("right", "B", "3"),
        embeddings=[[0.1, 0.0], [-1.0, 0.0], [1.05, 0.0]],
    )  # fmt: skip
    plain = compare_embedding(np.zeros(2), make_scan(), bank, metric="euclidean")
    assert [match.case_id for match in plain.matches] == ["near", "left", "right"]
    found = refine(np.zeros(2), make_scan(), bank, like=[], unlike=["left"], metric="euclidean")
    assert [match.case_id for match in found.matches] == ["near", "right"]
    assert found.matches[1].distance == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({"like": []}, "nothing is marked"),
        ({"like": ["case-00-0"], "unlike": ["case-00-0"]}, "alike and as not alike"),
        ({"like": ["gone"]}, "case gone is not in bank stub any more"),
    ],
)
def test_wrong_marks_are_a_sentence(marks, words):
    bank = ring_bank(6)
    with pytest.raises(UsageError, match=words):
        refine(bank.embeddings[0], make_scan(), bank, **marks)


def test_nobody_left_is_an_empty_list():
    bank = make_bank(("a", "A", "1"), ("b", "B", "2"), embeddings=np.eye(2))
    assert refine(np.ones(2), make_scan(), bank, like=["a", "b"]).matches == ()
