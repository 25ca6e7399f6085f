"""Do the embeddings tell where a case comes from? If so, conditions may be told by it too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from medsiam.evaluation.classification import linear_probabilities, split_folds
from medsiam.evaluation.influence import query_influence, sum_of_each
from medsiam.evaluation.pairing import Cohort
from medsiam.evaluation.ranking import rank
from medsiam.evaluation.result import Figure, SourceProbe
from medsiam.evaluation.retrieval import measure_retrieval
from medsiam.evaluation.spread import Spread

_FOLDS = 5


def measure_source_probe(
    embeddings: ArrayLike,
    *,
    sources: Sequence[str | None],
    subjects: Sequence[str],
    column: str,
    metric: str,
    random_state: int,
) -> SourceProbe | None:
    """Take the source for the condition, and see how well it is found.

    Sources with one subject are left out. Where sources differ in their conditions too, a good
    part of what is found may be the conditions.

    Args:
        embeddings: (n, d).
        sources: (n,); None for a case without one.
        subjects: (n,).
        column: that names the source.
        metric: one of `medsiam.distances.METRICS`.
        random_state: seed of folds and intervals.

    Returns:
        None with fewer than two sources.
    """
    names = np.array([source or "" for source in sources], dtype=str)
    owners = np.unique(np.asarray(subjects), return_inverse=True)[1]
    kept = names != ""
    for name in np.unique(names[kept]):
        if len(np.unique(owners[names == name])) < 2:
            kept &= names != name
    if len(np.unique(names[kept])) < 2:
        return None
    x = np.asarray(embeddings, dtype=np.float64)[kept]
    own = names[kept]
    everyone = np.ones(len(own), dtype=bool)
    cohort = Cohort(
        own,
        np.unique(own, return_inverse=True)[1],
        np.unique(owners[kept], return_inverse=True)[1],
        np.zeros(len(own), dtype=np.intp),
        "any",
        everyone,
        everyone,
    )
    found = rank(x, cohort, metric=metric, random_state=random_state)
    nearest = measure_retrieval(found, random_state=random_state)[0].precision_at_1
    return SourceProbe(column, nearest, _linear(x, cohort, random_state), cohort.n_conditions)


def _linear(x: np.ndarray, cohort: Cohort, random_state: int) -> Figure | None:
    """Balanced accuracy of a logistic regression; None where a source is smaller than the folds."""
    sizes = [
        len(np.unique(cohort.owners[cohort.labels == label]))
        for label in range(cohort.n_conditions)
    ]
    large = np.isin(cohort.labels, [i for i, size in enumerate(sizes) if size >= _FOLDS])
    if len(np.unique(cohort.labels[large])) < 2:
        return None
    part, own = cohort.part(large), x[large]
    right = np.empty(len(own))
    for bank, queries in split_folds(part, _FOLDS, random_state):
        probabilities = linear_probabilities(
            own[bank],
            part.labels[bank],
            own[queries],
            balanced=True,
            n_conditions=part.n_conditions,
        )
        right[queries] = probabilities.argmax(axis=1) == part.labels[queries]
    n = np.bincount(part.labels)
    value = float((np.bincount(part.labels, weights=right) / n).mean())
    moves = query_influence(right, part.labels, np.ones(len(right)))
    spread = Spread(value, sum_of_each(part.owners, moves, part.n_subjects))
    blind = 1 / len(n)
    return Figure(value, *spread.interval(), blind, blind, len(right), part.n_subjects)
