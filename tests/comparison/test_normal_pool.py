"""Distance to a pool of normals against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medsiam.comparison.normal_pool import pool_distance
from medsiam.errors import UsageError
from tests.comparison.stub_bank import ring_bank


def median_to(bank, query, patients):
    """Median over patients of the distance to each one's nearest case."""
    near = [
        min(cdist(query[None], bank.embeddings[[c.patient == p for c in bank.cases]])[0])
        for p in sorted(patients)
    ]
    return float(np.median(near))


def test_equals_plain_loops():
    bank = ring_bank(16)
    query = bank.embeddings[0] + 1
    pool = {case.patient for case in bank.cases if case.condition == "A"}
    found = pool_distance(query, bank, "A", metric="euclidean")
    assert found.distance == pytest.approx(median_to(bank, query, pool))
    own = [
        median_to(bank, bank.embeddings[i], pool - {case.patient})
        for i, case in enumerate(bank.cases)
        if case.condition == "A"
    ]
    assert found.percentile == pytest.approx(100 * np.mean(np.array(own) < found.distance))
    assert found.n_patients == 8


def test_mahalanobis_would_know_the_pool_too_well():
    bank = ring_bank(16)
    found = pool_distance(bank.embeddings[0] + 1, bank, "A", metric="mahalanobis")
    assert found == pool_distance(bank.embeddings[0] + 1, bank, "A", metric="cosine")
    assert found.text.startswith("Median cosine distance to 8 patients")


def test_a_patient_is_not_his_own_normal():
    bank = ring_bank(16)
    found = pool_distance(bank.embeddings[0], bank, "A", metric="euclidean", patient_id="patient 0")
    assert found.n_patients == 7
    others = {c.patient for c in bank.cases if c.condition == "A"} - {bank.cases[0].patient}
    assert found.distance == pytest.approx(median_to(bank, bank.embeddings[0], others))


def test_change_between_two_dates():
    bank = ring_bank(16)
    centre = bank.embeddings[[c.condition == "A" for c in bank.cases]].mean(axis=0)
    later = pool_distance(centre + 5, bank, "A", metric="euclidean", earlier=centre)
    assert later.change == pytest.approx(later.distance - later.earlier_distance)
    assert later.percentile == 100
    assert "away from the pool since" in later.text
    back = pool_distance(centre, bank, "A", metric="euclidean", earlier=centre + 5)
    assert "towards the pool" in back.text
    assert "earlier" not in pool_distance(centre, bank, "A").text


@pytest.mark.parametrize("condition", ["A", "nothing"])
def test_a_pool_needs_patients(condition):
    with pytest.raises(UsageError, match="at least 5 patients"):
        pool_distance(np.ones(6), ring_bank(8), condition)


def test_who_may_be_the_querys_own_patient_is_not_in_the_pool():
    bank = ring_bank(24)
    query = bank.embeddings[0] + 1e-4  # as a scan of the same patient would lie
    assert pool_distance(query, bank, "A").n_patients == 11
    moved = pool_distance(bank.embeddings[1] + 1.0, bank, "A", earlier=query)
    assert moved.n_patients == 11
    assert pool_distance(bank.embeddings[1] + 1.0, bank, "A").n_patients == 12
