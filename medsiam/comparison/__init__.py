"""COMPARE: one query against a reference bank."""

from __future__ import annotations

# Not on first use, as in other stages: the module `compare` would otherwise take the place of the
# function of that name as soon as anybody imports it. Nothing here loads torch.
from medsiam.comparison.compare import compare, compare_embedding
from medsiam.comparison.digits import in_digits
from medsiam.comparison.explanation import PairedExplanation, explain, occlude
from medsiam.comparison.explanation_checks import ExplanationChecks, check_explanations
from medsiam.comparison.result import (
    RESEARCH_USE,
    Comparison,
    ConditionRank,
    Match,
    QueryFacts,
    Rule,
    Verdict,
)
from medsiam.comparison.verification import PairVerification, verify

__all__ = [
    "RESEARCH_USE",
    "Comparison",
    "ConditionRank",
    "ExplanationChecks",
    "Match",
    "PairVerification",
    "PairedExplanation",
    "QueryFacts",
    "Rule",
    "Verdict",
    "check_explanations",
    "compare",
    "compare_embedding",
    "explain",
    "in_digits",
    "occlude",
    "verify",
]
