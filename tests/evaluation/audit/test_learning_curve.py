"""Learning curves against drawing every choice of patients, and leaving each patient out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from medsiam.evaluation.audit import learning_curve as module
from medsiam.evaluation.audit.learning_curve import (
    chances_of_one,
    measure_learning_curves,
    steps,
)
from tests.evaluation.audit.samples import as_cases, clusters, make_snapshot


def drawn_out(found, label, m):
    """Found and taken with m patients of the condition, over every choice of them."""
    shares = {}
    for name in range(len(found.names)):
        values = []
        for i in np.flatnonzero(found.labels == name):
            met = np.isfinite(found.distances[i])
            mine = np.unique(found.patients[met & (found.labels == label)])
            others = found.distances[i][met & (found.labels != label)].min(initial=np.inf)
            hits = []
            for chosen in combinations(mine.tolist(), min(m, len(mine))):
                there = met & (found.labels == label) & np.isin(found.patients, chosen)
                hits.append(found.distances[i][there].min(initial=np.inf) < others)
            values.append(np.mean(hits))
        shares[name] = np.mean(values)
    taken = np.mean([share for name, share in shares.items() if name != label])
    return shares[label], taken


def test_curves_are_means_over_all_choices():
    found = as_cases(clusters(5, apart=1.0))
    for label, curve in enumerate(measure_learning_curves(found)):
        assert [point.n_patients for point in curve.points] == [1, 2, 3, 4]
        for point in curve.points:
            expected = drawn_out(found, label, point.n_patients)
            assert (point.found, point.taken) == pytest.approx(expected)
            assert point.gain == pytest.approx(expected[0] - expected[1])
            assert point.chance == pytest.approx(point.n_patients / (point.n_patients + 10))


def test_a_left_out_patient_neither_asks_nor_answers():
    found = as_cases(clusters(5, apart=1.0, seed=1))
    varied = module._vary(found, module._find_nearer(found, 0), 0, 2)
    for patient in range(found.n_patients):
        kept = found.patients != patient
        rest = make_snapshot(
            found.embeddings[kept],
            np.array(found.names)[found.labels[kept]],
            found.patients[kept],
        )
        assert varied.without[:2, patient] == pytest.approx(drawn_out(as_cases(rest), 0, 2))


def test_patients_with_cases_of_several_conditions_are_counted_once_each():
    rng = np.random.default_rng(4)
    labels = np.array(["LAM", "LAM", "PAP"] * 8)
    found = as_cases(make_snapshot(rng.normal(size=(24, 4)), labels, np.repeat(range(8), 3)))
    lam = measure_learning_curves(found)[0]
    assert lam.n_patients == 8
    for point in lam.points[:3]:
        assert (point.found, point.taken) == pytest.approx(drawn_out(found, 0, point.n_patients))


def test_blind_embeddings_gain_nothing():
    gains = [
        curve.points[-1].gain
        for seed in range(20)
        for curve in measure_learning_curves(as_cases(clusters(8, apart=0, seed=seed)))
    ]
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(20)


def test_intervals_are_about_as_wide_as_figures_vary():
    curves = [
        measure_learning_curves(as_cases(clusters(12, apart=1.5, seed=seed)))[0]
        for seed in range(40)
    ]
    for values, widths in (
        ([c.rise for c in curves], [c.rise_high - c.rise_low for c in curves]),
        (
            [c.points[3].found for c in curves],
            [c.points[3].found_high - c.points[3].found_low for c in curves],
        ),
    ):
        told = np.sqrt(np.mean(np.square(widths))) / 3.92
        assert 0.8 * np.std(values) < told < 2 * np.std(values)


def test_trends_are_said_in_one_sentence():
    flat = measure_learning_curves(as_cases(clusters(20, apart=40)))[0]
    assert flat.trend == "flat"
    assert "found in 100% of its cases with 19 patients" in flat.text
    assert "more patients alone would hardly help" in flat.text
    few = measure_learning_curves(as_cases(clusters(3)))[0]
    assert (few.trend, few.rise) == ("too few", None)
    assert "3 patients are too few to say" in few.text
    x = np.random.default_rng(0).normal(size=(5, 3))
    alone = as_cases(make_snapshot(x, ["LAM"] * 4 + ["PAP"], range(5)))
    lam, pap = measure_learning_curves(alone)
    assert "one patient, who is left out" in pap.text
    assert lam.points[-1].n_patients == 3
    only = as_cases(make_snapshot(x, ["LAM"] * 5, range(5)))
    assert measure_learning_curves(only)[0].points[-1].found == 1.0
    assert {module._trend(0.01, 0.2), module._trend(-0.2, -0.01), module._trend(-0.1, 0.1)} == {
        "rising",
        "falling",
        "unclear",
    }


def test_steps_and_chances():
    assert steps(1) == (1,)
    assert steps(20) == (1, 2, 3, 5, 8, 10, 13, 20)
    assert chances_of_one(4, 2) == pytest.approx([0, 1 / 2, 5 / 6, 1, 1])
    assert chances_of_one(0, 1).tolist() == [0.0]
