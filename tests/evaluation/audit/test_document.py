"""The document is JSON without gaps, and holds everything that docs/audit.md promises."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from medsiam.evaluation import audit_bank
from medsiam.evaluation.audit.document import _plain, audit_document
from tests.evaluation.audit.samples import clusters, examined, make_snapshot

DOCS = Path(__file__).parents[3] / "docs" / "audit.md"


@pytest.mark.parametrize("reidentify", [False, True])
def test_it_is_one_plain_document(reidentify):
    document = audit_document(examined(reidentify=reidentify))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["schema_version"] == 1
    assert "Not a medical device" in document["research_use"]
    assert document["reidentification_reason"]
    assert (document["reidentification"] is None) is not reidentify
    assert document["accuracy"]["balanced"]["nearest"]["chance"] == pytest.approx(1 / 3)


def test_conflicts_and_duplicates_are_plain_too():
    snapshot = clusters(8, apart=8)
    names = [case.condition for case in snapshot.cases]
    names[2] = "UIP"
    x = snapshot.embeddings.copy()
    x[12] = x[11]
    document = audit_document(audit_bank(make_snapshot(x, names, range(24)), metric="euclidean"))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["label_conflicts"][0]["strong"] is True
    assert document["near_duplicates"][0]["case_a"] == "case-011"


def test_every_key_is_explained():
    text = DOCS.read_text(encoding="utf-8")
    for key in audit_document(examined()):
        assert f"`{key}`" in text, key


def test_what_is_not_finite_is_null():
    assert _plain({"a": (math.nan, 1.0)}) == {"a": [None, 1.0]}
