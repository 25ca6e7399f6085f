"""One call examines a version; progress is told as often as announced."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from medsiam.errors import UsageError
from medsiam.evaluation import audit_bank, audit_metric, audit_steps
from tests.evaluation.audit.samples import clusters, make_snapshot


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "mahalanobis"])
def test_everything_is_examined(metric):
    snapshot = clusters(8, apart=4)
    told = []
    audit = audit_bank(snapshot, metric=metric, reidentify=True, advance=lambda: told.append(1))
    assert (audit.version, audit.n_cases, audit.n_patients) == (3, 24, 24)
    assert (audit.metric, audit.conditions) == (metric, ("LAM", "PAP", "UIP"))
    assert [curve.condition for curve in audit.learning_curves] == list(audit.conditions)
    assert audit.reidentification.measured == ()
    assert 8 < len(told) <= audit_steps(snapshot, metric=metric)


def test_it_is_the_same_each_time():
    snapshot = clusters(6, apart=2)
    assert audit_bank(snapshot) == audit_bank(snapshot)


def test_phases_and_pixels():
    plain = clusters(6, apart=2, d=8)
    conditions = [case.condition for case in plain.cases]
    joined = make_snapshot(plain.embeddings, conditions, range(18), phases=("ED", "ES"))
    pixels = np.random.default_rng(0).normal(size=(18, 4))
    found = audit_bank(joined, reidentify=True, pixels=pixels).reidentification
    assert {(e.vectors, e.question) for e in found.measured} == {
        ("embeddings", "other phase"),
        ("pixels", "other phase"),
    }
    with pytest.raises(UsageError, match="18 cases need as many rows of pixels"):
        audit_bank(joined, reidentify=True, pixels=pixels[:3])


@pytest.mark.parametrize(
    ("recommended", "metric"),
    [(None, "cosine"), ("euclidean", "euclidean"), ("mahalanobis", "mahalanobis"),
     ("match", "cosine")],
)  # fmt: skip
def test_the_calibrations_metric_is_taken_where_an_audit_knows_it(recommended, metric):
    kept = recommended and SimpleNamespace(document=json.dumps({"metric": recommended}))
    assert audit_metric(SimpleNamespace(calibration=kept)) == metric
