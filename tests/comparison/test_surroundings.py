"""What lies around a case, against plain loops over the distances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cosine, euclidean

from medsiam.bank import NewCase
from medsiam.comparison import Surroundings, around_case, around_new
from medsiam.errors import BankError
from medsiam.preprocessing.perceptual_hash import picture_hash
from tests.comparison.stub_bank import LookUpEncoder, make_bank, make_scan, ring_bank


def nearest_by_loop(bank, vector, patient, k, measure):
    best = {}
    for case, held in zip(bank.cases, bank.embeddings, strict=True):
        distance = measure(vector.astype(float), held.astype(float))
        if case.patient != patient and distance < best.get(case.patient, (np.inf,))[0]:
            best[case.patient] = (distance, case.case_id)
    return [name for _, name in sorted(best.values())[:k]]


@pytest.mark.parametrize(("metric", "measure"), [("cosine", cosine), ("euclidean", euclidean)])
def test_one_case_of_each_other_patient_the_nearest_first(metric, measure):
    bank = ring_bank()
    case, vector = bank.cases[6], bank.embeddings[6]
    found = around_case(bank, case.case_id, k=4, metric=metric)
    expected = nearest_by_loop(bank, vector, case.patient, 4, measure)
    assert [match.case_id for match in found.others] == expected
    assert [match.rank for match in found.others] == [1, 2, 3, 4]
    assert found.metric == metric
    assert [match.case_id for match in found.same_patient] == ["case-03-1"]
    held = bank.embeddings[7].astype(float)
    assert found.same_patient[0].distance == pytest.approx(measure(vector.astype(float), held))


def test_a_case_that_is_not_held_is_an_error():
    with pytest.raises(BankError, match="no case nobody"):
        around_case(ring_bank(), "nobody")


def newcomer(scan, **facts) -> NewCase:
    return NewCase(scans=(scan,), case_id="new", condition="A", **facts)


def test_a_newcomer_meets_its_own_patient_and_the_others():
    bank = ring_bank()
    scan = make_scan(np.full((8, 6), 3.0))
    vector = np.random.default_rng(5).normal(size=6).astype(np.float32)
    bank.encoder = LookUpEncoder({3.0: vector})
    found = around_new(bank, newcomer(scan, patient_id=" patient 2 "), k=3, metric="cosine")
    own = bank.hash_patient("patient 2")
    assert {m.case_id for m in found.same_patient} == {"case-02-0", "case-02-1"}
    expected = nearest_by_loop(bank, vector, own, 3, cosine)
    assert [m.case_id for m in found.others] == expected
    alone = around_new(bank, newcomer(scan), k=3, metric="cosine")
    assert alone.same_patient == ()


def test_the_same_picture_is_found_whosever_it_is(monkeypatch):
    bank = ring_bank()
    pictures = [make_scan(np.random.default_rng(i).normal(size=(40, 48))) for i in range(24)]
    plain = bank.snapshot()
    from medsiam.bank.store import Snapshot

    hashed = Snapshot(
        plain.version, plain.cases, plain.embeddings, tuple((picture_hash(p),) for p in pictures)
    )
    monkeypatch.setattr(bank, "snapshot", lambda version=None: hashed)
    brighter = make_scan(2 * pictures[9].array + 30)
    far = np.random.default_rng(1).normal(size=6).astype(np.float32)
    bank.encoder = LookUpEncoder({float(brighter.array.flat[0]): far})
    found = around_new(bank, newcomer(brighter), metric="cosine")
    assert [match.case_id for match in found.same_picture] == [bank.cases[9].case_id]
    assert around_case(bank, bank.cases[9].case_id, metric="cosine").same_picture == ()


def test_a_newcomer_on_top_of_another_patients_case_is_too_near():
    bank = ring_bank()
    scan = make_scan(np.full((8, 6), 7.0))
    bank.encoder = LookUpEncoder({7.0: bank.embeddings[4]})
    found = around_new(bank, newcomer(scan), metric="cosine")
    assert found.too_near[0].case_id == bank.cases[4].case_id
    away = bank.embeddings[4] + 10 * np.random.default_rng(2).normal(size=6).astype(np.float32)
    bank.encoder = LookUpEncoder({7.0: away})
    assert around_new(bank, newcomer(scan), metric="cosine").too_near == ()


def test_an_empty_bank_surrounds_nobody():
    bank = make_bank(embeddings=np.empty((0, 6)))
    bank.encoder = LookUpEncoder({7.0: np.ones(6, np.float32)})
    scan = make_scan(np.full((8, 6), 7.0))
    assert around_new(bank, newcomer(scan)) == Surroundings("cosine")
