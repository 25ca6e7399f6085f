from __future__ import annotations

import re
from dataclasses import replace

import pytest

from compare.ranked_list import agreement_html, conditions_html, distance_words, verdict_html
from medsiam.comparison import ConditionRank, compare
from tests.app.conftest import scan_2d


@pytest.fixture(scope="module")
def comparison(bank_2d):
    return compare(scan_2d("across", 300), bank_2d, k=4)


def ranked(comparison, *entries, limit):
    conditions = tuple(
        ConditionRank(rank, name, distance, 2, f"case of {name}", 0.25, distance, 0.3)
        for rank, (name, distance) in enumerate(entries, start=1)
    )
    verdict = replace(comparison.verdict, threshold=limit, threshold_source='said "so"')
    return replace(comparison, conditions=conditions, verdict=verdict)


def test_the_verdict_is_the_librarys_sentence_and_every_note_is_there(comparison):
    warned = replace(
        comparison,
        notes=("first note",),
        query=replace(comparison.query, warnings=("slices 3 and 4 are missing",) * 2),
    )
    shown = verdict_html(warned)
    assert "first note" in shown
    assert shown.count("Slices 3 and 4 are missing") == 1
    assert comparison.conditions[0].condition in shown
    assert 'class="verdict nearest"' in shown


@pytest.mark.parametrize("outcome", ["none of these", "out of scope", "undecided"])
def test_each_outcome_has_its_own_look(comparison, outcome):
    verdict = replace(comparison.verdict, outcome=outcome, condition=None)
    shown = verdict_html(replace(comparison, verdict=verdict))
    assert f'class="verdict {outcome.replace(" ", "-")}"' in shown


def test_bars_stand_in_proportion_to_the_limit(comparison):
    shown = conditions_html(ranked(comparison, ("near", 0.2), ("far", 0.8), limit=0.4))
    near, far = (float(w) for w in re.findall(r"width:([\d.]+)%", shown))
    tick = {float(left) for left in re.findall(r"left:([\d.]+)%", shown)}.pop()
    assert far / near == pytest.approx(4, rel=0.01)
    assert tick / near == pytest.approx(2, rel=0.01)
    assert far <= 100
    assert re.findall(r'<i class="(near|far)"', shown) == ["near", "far"]
    assert shown.count("beyond the limit") == 1  # in words, for those who see no colour


def test_a_bank_without_a_limit_says_why(comparison):
    shown = conditions_html(ranked(comparison, ("only", 0.2), limit=None))
    assert "no limit is known: said &quot;so&quot;" in shown
    assert "tick" not in shown


def test_all_distances_zero_still_gives_bars(comparison):
    assert "width:0.0%" in conditions_html(ranked(comparison, ("only", 0.0), limit=None))


def test_many_conditions_fold_away_and_none_is_lost(comparison):
    entries = [(f"condition {i}", 0.1 * (i + 1)) for i in range(9)]
    shown = conditions_html(ranked(comparison, *entries, limit=0.4))
    head, folded = shown.split("<details>")
    assert (head.count("<li>"), folded.count("<li>")) == (6, 3)
    assert "3 more" in folded


def test_names_are_shown_as_they_are(comparison):
    shown = conditions_html(ranked(comparison, ("<img src=x>", 0.1), limit=0.4))
    assert "<img" not in shown
    assert "&lt;img src=x&gt;" in shown


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (0.0123456, "0.0123"),
        (0.0012, "0.00120"),
        (0.5, "0.500"),
        (12.345, "12.3"),
        (1234.5, "1234"),
    ],
)
def test_three_digits_count(distance, words):
    assert distance_words(distance) == words


@pytest.mark.parametrize("k", [1, 4, 12])
def test_chips_add_up_to_all_listed(bank_2d, k):
    found = compare(scan_2d("across", 300), bank_2d, k=k)
    shown = agreement_html(found)
    counts = re.findall(r"<b>(\d+) of (\d+)</b> (\w+)", shown)
    assert sum(int(count) for count, _, _ in counts) == len(found.matches) == k
    assert {int(total) for _, total, _ in counts} == {k}
    for count, _, name in counts:
        assert int(count) == sum(match.condition == name for match in found.matches)
    assert "Weak evidence" not in shown


def test_few_patients_are_weak_evidence(comparison):
    entries = tuple(replace(entry, n_patients=2) for entry in comparison.conditions)
    shown = agreement_html(replace(comparison, conditions=entries))
    assert "Fewer than 3 patients: " in shown
