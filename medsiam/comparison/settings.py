"""How to compare: checked once, before anything is read or computed."""

from __future__ import annotations

import difflib
import numbers
from dataclasses import dataclass
from typing import get_args

from medsiam.comparison.conformal import LEVELS
from medsiam.comparison.result import Rule
from medsiam.comparison.space import MATCH
from medsiam.distances import check_metric
from medsiam.errors import UsageError

RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True)
class Settings:
    """What the caller may choose.

    Attributes:
        k: matches to list, and patients that vote.
        metric: one of `COMPARISON_METRICS`; None: what the bank's calibration recommends.
        rule: what ranks the conditions; None: likewise.
        level: of the set of conditions, one of `LEVELS`.
        version: of the bank; None: the newest.
        calibration: number of the one to use, 0 for none; None: the newest that was fitted on this
            version or an earlier one.

    Raises:
        UsageError: for a k below 1, or an unknown metric, rule or level.
    """

    k: int
    metric: str | None
    rule: Rule | None
    level: float = 0.9
    version: int | None = None
    calibration: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, numbers.Integral) or self.k < 1:
            raise UsageError(f"k must be a whole number of at least 1, got {self.k!r}")
        if self.metric is not None and self.metric != MATCH:
            check_metric(self.metric)
        if self.level not in LEVELS:
            known = ", ".join(map(str, LEVELS))
            raise UsageError(f"unknown level {self.level!r}: choose one of {known}")
        if self.rule is not None and self.rule not in RULES:
            near = difflib.get_close_matches(str(self.rule).lower(), RULES, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"unknown rule {self.rule!r}: choose one of {', '.join(RULES)}{hint}")
