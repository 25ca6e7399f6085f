"""A comparison that contradicts itself cannot be built."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace

import pytest

from medsiam.comparison import RESEARCH_USE, compare_embedding
from tests.comparison.stub_bank import make_scan, ring_bank


@pytest.fixture
def comparison():
    bank = ring_bank()
    return compare_embedding(bank.embeddings[0], make_scan(), bank, k=4)


def test_it_is_frozen_and_says_what_it_is_not(comparison):
    assert comparison.research_use == RESEARCH_USE
    assert str(comparison.verdict) == comparison.verdict.text
    with pytest.raises(FrozenInstanceError):
        comparison.k = 7


@pytest.mark.parametrize("distance", [math.nan, math.inf, -0.1])
def test_a_distance_is_finite_and_not_negative(comparison, distance):
    matches = (replace(comparison.matches[0], distance=distance),)
    with pytest.raises(ValueError, match="finite and not negative"):
        replace(comparison, matches=matches)


def test_matches_are_sorted_ranked_and_unique(comparison):
    first, second, *_ = comparison.matches
    with pytest.raises(ValueError, match="sorted by distance"):
        replace(comparison, matches=(replace(second, rank=1), replace(first, rank=2)))
    with pytest.raises(ValueError, match="ranks of matches"):
        replace(comparison, matches=(replace(first, rank=2),))
    with pytest.raises(ValueError, match="only once among the matches"):
        replace(comparison, matches=(first, replace(first, rank=2)))
    with pytest.raises(ValueError, match="condition may appear only once"):
        replace(comparison, conditions=(comparison.conditions[0],) * 2)


def test_printed_it_is_the_verdict_and_no_list_of_files(comparison):
    assert str(comparison) == f"{comparison.query.name}: {comparison.verdict.text}"
