"""What is missing is counted, "none" among it."""

from __future__ import annotations

import numpy as np

from medsiam.evaluation.audit.provenance import read_provenance
from tests.evaluation.audit.samples import make_snapshot


def test_counts():
    cases = make_snapshot(
        np.eye(5),
        ["LAM", "LAM", "LAM", "PAP", "PAP"],
        ["a", "b", None, "d", "d"],
        proof=["none", "single reader", "single reader", "single reader", "histology"],
        licence=[None, "none", "CC0", "CC0", "CC0"],
    ).cases
    found = read_provenance(cases)
    assert found.n_cases == 5
    assert found.proofs == {"single reader": 3, "histology": 1, "none": 1}
    assert found.without_proof == ("case-000",)
    assert found.without_licence == ("case-000", "case-001")
    assert found.single_reader == 0.6
    assert found.without_patient == 1
    assert found.few_patients == {"PAP": 1}


def test_an_empty_bank_lacks_nothing():
    assert read_provenance(()).single_reader == 0
