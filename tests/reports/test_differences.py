from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medsiam.comparison.query import query_facts
from medsiam.reports import fact_pairs
from tests.comparison.stub_bank import make_case, make_scan


def facts(**known):
    shape = (4, 4, 3) if len(known.get("spacing") or ()) == 3 else (4, 4)
    scan = make_scan(np.zeros(shape), spatial_dims=len(shape), **known)
    return query_facts([scan], patient=None, patient_id=None)


def said(query, case, **more):
    return {pair.name: pair for pair in fact_pairs(query, case, **more)}


def test_what_agrees_is_shown_without_a_word():
    case = make_case("a", "A", None, modality="CT", body_part="CHEST", spacing=(0.7, 0.7, 1.0))
    found = said(facts(modality="CT", body_part="Chest", spacing=(0.72, 0.7, 1.0)), case)
    assert {pair.difference for pair in found.values()} == {None}
    assert (found["modality"].query, found["modality"].case) == ("CT", "CT")
    assert found["between slices"].case == "1 mm"


@pytest.mark.parametrize(
    ("spacing", "name", "words"),
    [
        ((1.4, 1.4, 1.0), "pixel spacing", "pixels of the case are 2 times larger"),
        ((0.35, 0.35, 1.0), "pixel spacing", "pixels of the case are 2 times smaller"),
        ((0.7, 0.7, 5.0), "between slices", "slices of the case lie 5 times farther apart"),
        ((0.7, 0.7, 0.5), "between slices", "slices of the case lie 2 times closer together"),
    ],
)
def test_sizes_in_words(spacing, name, words):
    found = said(facts(spacing=(0.7, 0.7, 1.0)), make_case("a", "A", None, spacing=spacing))
    assert found[name].difference == words
    others = [pair for pair in found.values() if pair.name != name]
    assert {pair.difference for pair in others} == {None}


def test_another_modality_part_and_scanner():
    case = make_case("a", "A", None, modality="MR", body_part="HEART", scanner="Maker B")
    found = said(facts(modality="CT", body_part="CHEST"), case, scanner="Maker A")
    assert found["modality"].difference == "pictures of another modality"
    assert found["body part"].difference == "another part of the body"
    assert found["scanner"].difference.startswith("another scanner")


def test_unknown_is_said_and_is_no_difference():
    found = said(facts(), replace(make_case("a", "A", None), modality="CR"))
    assert found["modality"].query == "not known"
    assert found["pixel spacing"].query == found["pixel spacing"].case == "not known"
    assert all(pair.difference is None for pair in found.values())
    assert "between slices" not in found
