"""The sentences, word by word."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from medsiam.comparison.conformal import ConditionSet
from medsiam.comparison.evidence import Evidence
from medsiam.comparison.novelty import Limit
from medsiam.comparison.ranking import Ranking
from medsiam.comparison.rejection import Rejection, Share
from medsiam.comparison.result import ConditionRank, Match
from medsiam.comparison.verdict import give_verdict

LIMIT = Limit(0.31, "95th percentile of something")


def ranking(
    *names, distance=0.12, limit=LIMIT, votes=0.8, nearest=None, n_voters=5, farther=None, far=0.1
) -> Ranking:
    conditions = tuple(
        ConditionRank(i, name, distance + i - 1, 4, f"{name} 7", votes / i, 1.0, 0.5)
        for i, name in enumerate(names, start=1)
    )
    first = Match(1, "case 1", names[0], None, distance if nearest is None else nearest)
    held = ConditionSet(0.9, None, 0, "no calibration")
    evidence = Evidence(names[0], 4, 0, (), None, None, None)
    return Ranking((first,), conditions, n_voters, limit, farther, held, evidence, far)


def verdict(found, scope_fault=None, rule="nearest", calibrated=None):
    return give_verdict(found, scope_fault=scope_fault, rule=rule, calibrated=calibrated)


def test_nearest():
    found = verdict(ranking("thin shell", "cyst"))
    assert (found.outcome, found.condition, found.threshold) == ("nearest", "thin shell", 0.31)
    assert found.threshold_source == LIMIT.source
    assert found.text == (
        "Nearest condition: thin shell (4 of 5 nearest patients; nearest case thin shell 7 at "
        "0.12, nearer than the bank's own limit 0.31)."
    )


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ("vote", "Most frequent condition among the nearest patients: cyst (4 of 5"),
        ("prototype", "Condition with the nearest prototype: cyst (4 of 5"),
    ],
)
def test_the_rule_is_named(rule, start):
    assert verdict(ranking("cyst", "shell"), rule=rule).text.startswith(start)


def test_a_condition_ranked_first_by_vote_may_lie_beyond_the_limit_and_says_so():
    found = verdict(ranking("cyst", "shell", distance=0.5, nearest=0.1), rule="vote")
    assert found.outcome == "nearest"
    assert "at 0.50, but farther than the bank's own limit 0.31" in found.text


def test_none_of_these():
    found = verdict(ranking("thin shell", "cyst", distance=0.62))
    assert (found.outcome, found.condition) == ("none of these", None)
    assert found.text == (
        "None of these: the nearest case lies at 0.62, farther than 95 of 100 cases of this bank "
        "lie from their nearest neighbour (0.31)."
    )


def test_a_distance_just_beyond_does_not_read_like_the_limit():
    assert "0.3100001, farther" in verdict(ranking("A", "B", distance=0.3100001)).text
    assert verdict(ranking("A", "B", distance=0.31)).outcome == "nearest"


def test_undecided():
    limit = Limit(None, "too few patients (n=4) to know how far apart cases of this bank lie; 10")
    found = verdict(ranking("thin shell", "cyst", limit=limit))
    assert (found.outcome, found.condition, found.threshold) == ("undecided", None, None)
    assert found.text == (
        "Undecided: the nearest condition is thin shell (4 of 5 nearest patients; nearest case "
        "thin shell 7 at 0.12), but there are too few patients (n=4) to know how far apart cases "
        "of this bank lie; 2 more patients are needed."
    )


def test_out_of_scope_comes_before_everything_else():
    fault = "The scan is CT; this bank holds DX only."
    for distance in (0.1, 9.0):
        found = verdict(ranking("A", "B", distance=distance), scope_fault=fault)
        assert (found.outcome, found.condition) == ("out of scope", None)
        assert found.text.startswith(f"Out of scope: {fault}")


@pytest.mark.parametrize("distance", [0.1, 0.9])
def test_a_bank_with_one_condition_can_only_say_near_or_far(distance):
    found = verdict(ranking("LAM", distance=distance, votes=1.0))
    assert found.text.endswith("A bank with one condition can only say near or far.")


def test_one_patient_is_not_patients():
    assert "1 of 1 nearest patient;" in verdict(ranking("A", "B", votes=1.0, n_voters=1)).text


def calibrated(*, threshold=0.5, far_limit=1.0):
    share = Share(0.05, 0.03, 0.09, 200)
    rejection = Rejection(threshold, share, Share(0.4, 0.3, 0.5, 200), 0.87, 0.85, 0.89)
    return SimpleNamespace(rejection=rejection, far_limit=far_limit, probabilities=None)


def combined(*names, value=0.3, probability=0.82, far=0.1):
    found = ranking(*names, limit=Limit(0.5, "measured"), farther=62, far=far)
    entries = tuple(
        replace(entry, combined_distance=value + i / 10, probability=probability / (i + 1))
        for i, entry in enumerate(found.conditions)
    )
    first = replace(found.matches[0], case_id=entries[0].nearest_case_id)
    return replace(found, conditions=entries, matches=(first,))


def test_a_calibrated_verdict_gives_probability_patients_and_both_errors():
    found = verdict(combined("cyst", "shell"), rule="combined", calibrated=calibrated())
    assert found.text == (
        "Nearest condition: cyst (probability 0.82 among the bank's conditions; 4 of 5 nearest "
        "patients; 4 patients of cyst in the bank; nearest case cyst 7 at 0.12, nearer than 62 of "
        "100 cases of this bank lie to one of another condition; combined distance 0.30, within "
        "the bank's limit 0.50)."
    )
    assert (found.value, found.threshold, found.measure) == (0.3, 0.5, "combined distance")
    assert (found.known_rejected, found.unknown_accepted, found.far_off) == (0.05, 0.4, False)


def test_a_calibrated_none_of_these():
    found = verdict(combined("cyst", "shell", value=0.7, far=1.2), calibrated=calibrated())
    assert found.outcome == "none of these"
    assert found.text.startswith("None of these: even cyst, the nearest condition, lies at a")
    assert "0.70, beyond the bank's limit 0.50" in found.text
    assert found.text.endswith("another organ or modality, or be no proper scan.")
    assert found.far_off


@pytest.mark.parametrize(("given", "said"), [(0.999, "above 0.99"), (0.004, "below 0.01")])
def test_no_probability_is_certain(given, said):
    found = verdict(combined("A", "B", probability=given), calibrated=calibrated())
    assert f"(probability {said} among" in found.text
