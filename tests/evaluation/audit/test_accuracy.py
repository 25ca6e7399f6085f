"""Leave-one-patient-out accuracy against a comparison made case by case."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.audit.accuracy import RULES, measure_accuracy
from medsiam.evaluation.audit.neighbours import find_neighbours
from medsiam.metrics import nearest_label_accuracy
from tests.evaluation.audit.samples import as_cases, clusters, make_snapshot, shared_patients


def measured(found):
    return measure_accuracy(found, find_neighbours(found), random_state=0)


def test_nearest_is_the_usual_precision_at_1():
    found = as_cases(shared_patients())
    score = nearest_label_accuracy(
        found.embeddings, found.labels, found.patients, metric="euclidean"
    )
    accuracy = measured(found)
    assert accuracy.balanced["nearest"].value == pytest.approx(score.macro)
    assert accuracy.plain["nearest"].value == pytest.approx(score.micro)


def test_a_vote_counts_five_patients_and_the_nearest_breaks_ties():
    found = as_cases(shared_patients(3))
    neighbours = find_neighbours(found)
    hits = []
    for row in range(len(found)):
        voters = [label for label in neighbours.labels[row].tolist() if label >= 0][:5]
        best = max(set(voters), key=lambda label: (voters.count(label), -voters.index(label)))
        hits.append(best == found.labels[row])
    own = [np.mean(np.array(hits)[found.labels == label]) for label in range(3)]
    assert measured(found).balanced["vote"].value == pytest.approx(np.mean(own))


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "mahalanobis"])
def test_clear_conditions_are_found_and_noise_is_not(metric):
    clear = measured(as_cases(clusters(apart=40), metric))
    for rule in RULES:
        assert clear.balanced[rule].value == 1.0
        assert clear.balanced[rule].low < 1.0  # nobody is sure after 24 patients
    blind = measured(as_cases(clusters(apart=0), metric))
    for rule in RULES:
        figure = blind.balanced[rule]
        assert figure.low <= figure.chance + 0.1
        assert figure.chance == pytest.approx(1 / 3)


def test_a_condition_of_one_patient_has_no_figure():
    x = np.random.default_rng(0).normal(size=(6, 3))
    found = as_cases(make_snapshot(x, ["LAM"] * 4 + ["PAP"] * 2, [0, 1, 2, 3, 4, 4]))
    lam, pap = measured(found).conditions
    assert pap.by_rule == dict.fromkeys(RULES)
    assert (pap.n_cases, pap.n_patients) == (2, 1)
    assert lam.by_rule["nearest"].chance == pytest.approx(3 / 4)
    alone = measured(as_cases(make_snapshot(x[:2], ["LAM", "PAP"], [0, 1])))
    assert alone.balanced == dict.fromkeys(RULES)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    values, held = [], 0
    for seed in range(15):
        values.append(measured(as_cases(clusters(apart=1.5, seed=seed))).balanced["prototype"])
    truth = np.mean([figure.value for figure in values])
    held = np.mean([figure.low <= truth <= figure.high for figure in values])
    assert held >= 0.85
