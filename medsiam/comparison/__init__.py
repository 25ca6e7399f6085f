"""COMPARE: one query against a reference bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.comparison.compare import compare as compare
    from medsiam.comparison.compare import compare_embedding as compare_embedding
    from medsiam.comparison.result import RESEARCH_USE as RESEARCH_USE
    from medsiam.comparison.result import Comparison as Comparison
    from medsiam.comparison.result import ConditionRank as ConditionRank
    from medsiam.comparison.result import Match as Match
    from medsiam.comparison.result import QueryFacts as QueryFacts
    from medsiam.comparison.result import Rule as Rule
    from medsiam.comparison.result import Verdict as Verdict

__all__ = [
    "RESEARCH_USE",
    "Comparison",
    "ConditionRank",
    "Match",
    "QueryFacts",
    "Rule",
    "Verdict",
    "compare",
    "compare_embedding",
]
_RESULT_NAMES = set(__all__) - {"compare", "compare_embedding"}
__getattr__ = lazy_names(
    __name__,
    {"compare": ".compare", "compare_embedding": ".compare"}
    | dict.fromkeys(_RESULT_NAMES, ".result"),
)
