"""Two encoders over the same cases: is one better, or were the patients kind to it?"""

from __future__ import annotations

import numpy as np

from medsiam.errors import UsageError
from medsiam.evaluation.result import Evaluation
from medsiam.evaluation.spread import Difference, paired_difference


def compare_evaluations(first: Evaluation, second: Evaluation) -> tuple[Difference, ...]:
    """Every figure of the first less that of the second, by the paired bootstrap over subjects.

    Raises:
        UsageError: evaluations of different cases or protocols.
    """
    if (first.protocol, first.counts, first.cases) != (
        second.protocol,
        second.counts,
        second.cases,
    ):
        raise UsageError("only evaluations of the same cases and protocol can be compared")
    seed = first.protocol.random_state
    return tuple(
        paired_difference(measure, spread, second.spreads[measure], random_state=seed)
        for measure, spread in first.spreads.items()
        if measure in second.spreads
        and np.shape(spread.by_subject) == np.shape(second.spreads[measure].by_subject)
    )
