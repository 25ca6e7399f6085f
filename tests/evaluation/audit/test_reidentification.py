"""Re-identification against plain loops, and with embeddings that betray nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medsiam.distances import pairwise_distances
from medsiam.evaluation.audit.reidentification import measure_reidentification

RNG = np.random.default_rng(0)
LABELS = np.arange(30) % 3
PATIENTS = np.arange(30)


def measured(x, patients=PATIENTS, labels=LABELS, phases=("ED", "ES"), **more):
    return measure_reidentification(
        {"embeddings": x, **more},
        labels=labels,
        patients=patients,
        phases=phases,
        metric="euclidean",
        random_state=0,
    )


def by_question(found):
    return {(e.vectors, e.question, e.within_condition): e for e in found.measured}


def test_other_phases_are_looked_for_among_other_phases_only():
    who = RNG.normal(size=(30, 4))
    # A shift between the phases must not matter: it is the same for everybody.
    x = np.hstack([who + 0.6 * RNG.normal(size=(30, 4)), 5 + who + 0.6 * RNG.normal(size=(30, 4))])
    found = by_question(measured(x))
    distances = pairwise_distances(x[:, :4], x[:, 4:], metric="euclidean")
    for within in (False, True):
        scores, same, hits = [], [], []
        for table in (distances, distances.T):
            for i in range(30):
                meets = (LABELS[i] == LABELS) | (not within)
                scores += (-table[i][meets]).tolist()
                same += (np.arange(30)[meets] == i).tolist()
                hits.append(table[i][meets].min() == table[i][i])
        entry = found["embeddings", "other phase", within]
        assert entry.auc.value == pytest.approx(roc_auc_score(same, scores))
        assert entry.precision_at_1.value == pytest.approx(np.mean(hits))
        assert entry.precision_at_1.chance == pytest.approx(1 / 10 if within else 1 / 30)
        assert entry.auc.low < entry.auc.value < entry.auc.high
    assert ("embeddings", "other case", False) not in found


def test_other_cases_of_a_patient():
    patients = np.repeat(np.arange(15), 2)
    x = RNG.normal(size=(15, 3))[patients] + 0.1 * RNG.normal(size=(30, 3))
    found = measured(x, patients, phases=("",))
    entry = by_question(found)["embeddings", "other case", False]
    assert entry.precision_at_1.value > 0.9
    assert entry.precision_at_1.chance == pytest.approx(1 / 29)
    assert entry.precision_at_1.n_subjects == 15
    assert found.reason == "this bank keeps no pixels to measure beside it"


def test_blind_embeddings_betray_nobody():
    low = [
        by_question(measured(np.random.default_rng(seed).normal(size=(30, 8))))[
            "embeddings", "other phase", False
        ].auc.low
        for seed in range(20)
    ]
    assert np.mean(np.array(low) > 0.5) <= 0.15


def test_pixels_stand_beside():
    x = RNG.normal(size=(30, 8))
    found = measured(x, pixels=np.hstack([x[:, :4]] * 2))
    assert by_question(found)["pixels", "other phase", False].auc.value == 1.0
    assert found.reason is None


def test_one_scan_each_cannot_be_measured():
    found = measured(RNG.normal(size=(30, 4)), phases=("",))
    assert found.measured == ()
    assert "fewer than two patients of this bank have two scans" in found.reason
