"""Ranked conditions against scikit-learn and plain loops."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from medsiam.comparison.conditions import (
    own_distances,
    prototype_spread,
    prototypes,
    rank_conditions,
    softmax_shares,
    without_patients,
)
from medsiam.comparison.matching import CaseArrays, patient_codes
from medsiam.comparison.space import Space


def cases_of(rows, embeddings=None) -> CaseArrays:
    ids, conditions, patients = zip(*rows, strict=True)
    vectors = np.zeros((len(rows), 2)) if embeddings is None else np.asarray(embeddings, float)
    return CaseArrays(np.array(ids), np.array(conditions), patient_codes(patients), vectors)


def ranked(distances, cases, *, rule="nearest", k=5, prototype=None):
    names = sorted(set(cases.conditions.tolist()))
    return rank_conditions(
        np.asarray(distances, float),
        cases,
        prototype_distances=prototype or dict.fromkeys(names, 1.0),
        temperature=1.0,
        k=k,
        rule=rule,
    )


def test_nearest_names_the_case_under_each_condition():
    cases = cases_of([("a1", "A", "p"), ("a2", "A", "q"), ("b1", "B", "r"), ("c1", "C", "s")])
    entries = ranked([0.9, 0.2, 0.1, 0.5], cases)
    assert [(e.rank, e.condition, e.distance, e.nearest_case_id) for e in entries] == [
        (1, "B", 0.1, "b1"),
        (2, "A", 0.2, "a2"),
        (3, "C", 0.5, "c1"),
    ]
    assert [e.n_patients for e in entries] == [1, 2, 1]


def test_vote_counts_a_patient_once():
    # The three nearest cases are of one patient: by images A would win, by patients B does.
    rows = [
        ("a1", "A", "p"),
        ("a2", "A", "p"),
        ("a3", "A", "p"),
        ("b1", "B", "q"),
        ("b2", "B", "r"),
    ]
    entries = ranked([0.1, 0.11, 0.12, 0.2, 0.3], cases_of(rows), rule="vote", k=3)
    assert [(e.condition, e.votes) for e in entries] == [("B", 2 / 3), ("A", 1 / 3)]
    assert entries[1].n_patients == 1


def test_vote_with_few_patients_uses_all_and_ties_go_to_the_nearest():
    rows = [("a1", "A", "p"), ("b1", "B", "q")]
    entries = ranked([0.3, 0.2], cases_of(rows), rule="vote", k=50)
    assert [(e.condition, e.votes) for e in entries] == [("B", 0.5), ("A", 0.5)]


@pytest.mark.parametrize("k", [1, 3, 7])
def test_vote_agrees_with_scikit_learn_where_each_patient_has_one_case(k):
    random = np.random.default_rng(3)
    vectors = random.normal(size=(60, 4))
    labels = random.choice(["A", "B", "C"], 60)
    rows = [(f"c{i:02d}", labels[i], f"p{i}") for i in range(60)]
    cases = cases_of(rows, vectors)
    reference = KNeighborsClassifier(k, algorithm="brute").fit(vectors, labels)
    for query in random.normal(size=(20, 4)):
        distances = np.linalg.norm(vectors - query, axis=1)
        votes = {e.condition: e.votes for e in ranked(distances, cases, rule="vote", k=k)}
        expected = dict(zip(reference.classes_, reference.predict_proba([query])[0], strict=True))
        assert votes == pytest.approx(expected)


def test_vote_agrees_with_plain_loops_where_patients_have_several_cases():
    random = np.random.default_rng(4)
    rows = [
        (f"c{i:02d}", str(random.choice(["A", "B", "C"])), f"p{random.integers(0, 15)}")
        for i in range(60)
    ]
    cases = cases_of(rows)
    distances = random.random(60)
    nearest_of: dict[str, int] = {}
    for i in sorted(range(60), key=lambda i: distances[i]):
        nearest_of.setdefault(rows[i][2], i)
    voters = list(nearest_of.values())[:5]
    expected = Counter(rows[i][1] for i in voters)
    entries = ranked(distances, cases, rule="vote", k=5)
    assert {e.condition: round(5 * e.votes) for e in entries} == {
        name: expected[name] for name in "ABC"
    }
    order = sorted(entries, key=lambda e: (-e.votes, e.distance))
    assert list(entries) == order


def test_prototype_gives_each_patient_the_same_weight():
    rows = [("a1", "A", "p"), ("a2", "A", "p"), ("a3", "A", "q"), ("b1", "B", "r")]
    found = prototypes(cases_of(rows, [[0, 0], [2, 0], [10, 4], [7, 7]]))
    assert found.conditions == ("A", "B")
    assert found.centres.tolist() == [[5.5, 2.0], [7, 7]]  # mean of (1, 0) and (10, 4)


def test_prototypes_agree_with_plain_loops():
    random = np.random.default_rng(5)
    rows = [
        (f"c{i}", str(random.choice(["A", "B"])), f"p{random.integers(0, 9)}") for i in range(40)
    ]
    vectors = random.normal(size=(40, 3))
    found = prototypes(cases_of(rows, vectors))
    for name, centre in zip(found.conditions, found.centres, strict=True):
        means = []
        for patient in sorted({row[2] for row in rows if row[1] == name}):
            own = [vectors[i] for i, row in enumerate(rows) if row[1:] == (name, patient)]
            means.append(sum(own) / len(own))
        assert centre == pytest.approx(sum(means) / len(means))


def test_shares_are_a_softmax():
    shares = softmax_shares({"A": 1.0, "B": 3.0, "C": 1.5}, 0.5)
    weights = {name: math.exp(-d / 0.5) for name, d in (("A", 1.0), ("B", 3.0), ("C", 1.5))}
    assert shares == pytest.approx({n: w / sum(weights.values()) for n, w in weights.items()})
    assert sum(softmax_shares({"A": 5000.0, "B": 9000.0}, 0.1).values()) == pytest.approx(1)


def test_rule_prototype_ranks_by_prototype_distance_and_gives_all_figures():
    cases = cases_of([("a1", "A", "p"), ("b1", "B", "q")])
    entries = ranked([0.1, 0.9], cases, rule="prototype", prototype={"A": 2.0, "B": 1.0}, k=1)
    assert [e.condition for e in entries] == ["B", "A"]
    assert entries[0].prototype_share == pytest.approx(math.e / (1 + math.e))
    assert entries[1].votes == 1.0
    assert entries[1].distance == 0.1


def test_spread_is_the_median_distance_of_patients_to_their_own_prototype():
    rows = [("a1", "A", "p"), ("a2", "A", "q"), ("b1", "B", "r"), ("b2", "B", "s"), ("c", "C", "t")]
    cases = cases_of(rows, [[0, 0], [2, 0], [0, 0], [0, 8], [5, 5]])
    found = prototype_spread(own_distances(prototypes(cases), Space("euclidean")))
    assert found == pytest.approx(np.median([1, 1, 4, 4]))


def test_shares_do_not_depend_on_the_scale_of_the_embeddings():
    random = np.random.default_rng(6)
    rows = [(f"c{i}", "AB"[i % 2], f"p{i}") for i in range(8)]
    vectors = random.normal(size=(8, 3))
    shares = []
    for scale in (1.0, 1000.0):
        found = prototypes(cases_of(rows, vectors * scale))
        lengths = np.linalg.norm(found.centres, axis=1).tolist()
        distances = dict(zip(found.conditions, lengths, strict=True))
        shares.append(
            softmax_shares(distances, prototype_spread(own_distances(found, Space("euclidean"))))
        )
    assert shares[0] == pytest.approx(shares[1])


def test_spread_is_one_where_no_condition_has_two_patients():
    cases = cases_of([("a1", "A", "p"), ("a2", "A", "p"), ("b", "B", "q")], np.ones((3, 2)))
    assert prototype_spread(own_distances(prototypes(cases), Space("euclidean"))) == 1.0


def test_groups_name_patient_and_condition_of_each_mean():
    rows = [("a1", "A", "p"), ("b1", "B", "p"), ("a2", "A", "q"), ("a3", "A", "p")]
    found = prototypes(cases_of(rows))
    groups = list(zip(found.condition_of.tolist(), found.patient_of.tolist(), strict=True))
    assert groups == [(0, 0), (0, 1), (1, 0)]
    assert found.group_of_case.tolist() == [0, 2, 1, 0]


def test_combined_ranks_and_carries_the_probability():
    cases = cases_of([("a1", "A", "p"), ("b1", "B", "q")])
    entries = rank_conditions(
        np.array([0.1, 0.9]),
        cases,
        prototype_distances={"A": 1.0, "B": 1.0},
        temperature=1.0,
        k=1,
        rule="combined",
        combined={"A": (0.6, 0.3), "B": (0.5, 0.7)},
    )
    assert [(e.condition, e.combined_distance, e.probability) for e in entries] == [
        ("B", 0.5, 0.7),
        ("A", 0.6, 0.3),
    ]
    assert entries[0].judged_distance == 0.5


@pytest.mark.parametrize("gone", [{0}, {3, 4}, {1, 2, 5, 7, 8}])
def test_without_patients_is_as_if_they_had_never_been_added(gone):
    random = np.random.default_rng(8)
    rows = [
        (f"c{i}", str(random.choice(["A", "B", "C"])), f"p{random.integers(0, 9)}")
        for i in range(40)
    ]
    cases = cases_of(rows, random.normal(size=(40, 3)))
    keep = ~np.isin(cases.patients, list(gone))
    found, expected = without_patients(prototypes(cases), keep), prototypes(cases.only(keep))
    assert found.conditions == expected.conditions
    for name in ("centres", "patient_means", "condition_of", "patient_of", "group_of_case"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
