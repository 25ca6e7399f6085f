from __future__ import annotations

import json
from dataclasses import replace

from medsiam.comparison import calibrate, compare_embedding, pool_distance
from medsiam.reports.judgement import judgement_document
from tests.comparison.stub_bank import make_scan, ring_bank


def test_all_of_it_and_nothing_of_it():
    bank = ring_bank(24)
    bare = compare_embedding(bank.embeddings[0] + 0.3, make_scan(), bank)
    document = judgement_document(bare)
    assert document["calibration"] is None
    assert document["condition_set"]["conditions"] is None
    assert document["condition_set"]["reason"]
    assert document["normal_pool"] is None
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    query = bank.embeddings[0] + 0.3
    full = compare_embedding(query, make_scan(), bank)
    full = replace(full, normal_pool=pool_distance(query, bank, "A"))
    document = json.loads(json.dumps(judgement_document(full)))
    assert document["condition_set"]["level"] == 0.9
    assert document["condition_set"]["conditions"]
    assert document["evidence"]["condition"] == full.conditions[0].condition
    assert document["counter_example"]["condition"] != full.conditions[0].condition
    assert document["calibration"]["n_patients"] == 24
    assert document["normal_pool"]["condition"] == "A"


def test_a_likely_same_patient_is_listed_by_hash():
    bank = ring_bank()
    result = compare_embedding(bank.embeddings[0], make_scan(), bank)
    (first, *_) = judgement_document(result)["maybe_same_patient"]
    assert (first["case_id"], first["patient_id"]) == ("case-00-0", bank.cases[0].patient)
