"""COMPARE: one query against a reference bank."""

from __future__ import annotations

# Not on first use, as in other stages: the module `compare` would otherwise take the place of the
# function of that name as soon as anybody imports it. Nothing here loads torch.
from medsiam.comparison.calibrating import calibrate
from medsiam.comparison.calibration import Calibration, newest_calibration
from medsiam.comparison.compare import compare, compare_embedding
from medsiam.comparison.digits import in_digits, probability_words
from medsiam.comparison.explanation import PairedExplanation, explain, occlude
from medsiam.comparison.explanation_bank import (
    bank_centre,
    check_bank_explanations,
    explain_match,
    kept_checks,
)
from medsiam.comparison.explanation_checks import ExplanationChecks, check_explanations
from medsiam.comparison.normal_pool import PoolDistance, pool_distance
from medsiam.comparison.pair_distances import PairDistances, pair_distances
from medsiam.comparison.refinement import Refinement, refine
from medsiam.comparison.region import check_takes_regions, compare_region, crop_region
from medsiam.comparison.result import (
    RESEARCH_USE,
    CalibrationFacts,
    Comparison,
    ConditionRank,
    Match,
    QueryFacts,
    Rule,
    Verdict,
)
from medsiam.comparison.reviewing import identity_revealed, study_of, verdict_on
from medsiam.comparison.scope import Scope, check_scope
from medsiam.comparison.space import COMPARISON_METRICS
from medsiam.comparison.surroundings import Surroundings, around_case, around_new
from medsiam.comparison.verification import PairVerification, verify

__all__ = [
    "COMPARISON_METRICS",
    "RESEARCH_USE",
    "Calibration",
    "CalibrationFacts",
    "Comparison",
    "ConditionRank",
    "ExplanationChecks",
    "Match",
    "PairDistances",
    "PairVerification",
    "PairedExplanation",
    "PoolDistance",
    "QueryFacts",
    "Refinement",
    "Rule",
    "Scope",
    "Surroundings",
    "Verdict",
    "around_case",
    "around_new",
    "bank_centre",
    "calibrate",
    "check_bank_explanations",
    "check_explanations",
    "check_scope",
    "check_takes_regions",
    "compare",
    "compare_embedding",
    "compare_region",
    "crop_region",
    "explain",
    "explain_match",
    "identity_revealed",
    "in_digits",
    "kept_checks",
    "newest_calibration",
    "occlude",
    "pair_distances",
    "pool_distance",
    "probability_words",
    "refine",
    "study_of",
    "verdict_on",
    "verify",
]
