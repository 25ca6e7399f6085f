from __future__ import annotations

import csv
import io
import json

import pytest

from compare.exports import export
from medsiam.comparison import compare
from tests.app.conftest import scan_2d


@pytest.fixture(scope="module")
def asked(bank_2d):
    scans = (scan_2d("across", 300, patient_id="PLANTED-4711"),)
    return compare(scans, bank_2d, k=4), scans, bank_2d


def test_all_forms_hold_the_same_matches_and_no_patient(asked):
    comparison = asked[0]
    document = json.loads(export("json", *asked))
    rows = list(csv.DictReader(io.StringIO(export("csv", *asked).decode())))
    page = export("html", *asked).decode()
    expected = [(match.case_id, match.distance) for match in comparison.matches]
    assert [(m["case_id"], m["distance"]) for m in document["matches"]] == expected
    assert [(row["case_id"], float(row["distance"])) for row in rows] == expected
    for case_id, _ in expected:
        assert case_id in page
    for text in (json.dumps(document), str(rows), page):
        assert "4711" not in text
        assert "SECRET" not in text
        assert "esearch use only" in text
