"""Retrieval by condition and by value of a column: where an encoder is weak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.chance import chance_average_precision, chance_precision
from medsiam.evaluation.influence import query_influence, sum_of_each
from medsiam.evaluation.ranking import Rankings
from medsiam.evaluation.result import Figure, Slice
from medsiam.evaluation.spread import Spread

Floats = NDArray[np.float64]

FEWEST_SUBJECTS = 5  # below this a slice would tell of single patients
_MOST_VALUES = 30


def measure_slices(
    found: Rankings, facts: Mapping[str, Sequence[str | None]], columns: Sequence[str]
) -> tuple[Slice, ...]:
    """Retrieval of the queries of each condition, and of each value of each column.

    References are all cases, as for the whole; intervals are over the subjects that ask.

    Args:
        found: the rankings.
        facts: column -> (n,) values.
        columns: those to slice by; a column with fewer than two values is passed over.
    """
    slices = [
        _slice(found, "condition", str(name), found.cohort.names == name)
        for name in np.unique(found.cohort.names)
    ]
    for column in columns:
        values = np.array([value or "" for value in facts.get(column, ())], dtype=str)
        names = np.unique(values[values != ""])
        if 2 <= len(names) <= _MOST_VALUES:
            slices += [_slice(found, column, str(name), values == name) for name in names]
    return tuple(slices)


def _slice(found: Rankings, column: str, name: str, inside: NDArray[np.bool_]) -> Slice:
    asked = inside & found.answered
    n_subjects = len(np.unique(found.cohort.owners[asked]))
    figures: list[Figure | None] = [None, None]
    if n_subjects >= FEWEST_SUBJECTS:
        counts = (found.n_relevant[asked], found.n_candidates[asked])
        figures = [
            _figure(found, asked, found.values["precision_at_1"], chance_precision(*counts)),
            _figure(
                found, asked, found.values["average_precision"], chance_average_precision(*counts)
            ),
        ]
    return Slice(column, name, int(asked.sum()), n_subjects, *figures)


def _figure(found: Rankings, asked: NDArray[np.bool_], values: Floats, blind: Floats) -> Figure:
    own = values[asked]
    owners = np.unique(found.cohort.owners[asked], return_inverse=True)[1]
    one = np.zeros(len(own), dtype=np.intp)
    moves = query_influence(own, one, np.ones(len(own)))
    spread = Spread(float(own.mean()), sum_of_each(owners, moves, int(owners.max()) + 1))
    return Figure(
        spread.value,
        *spread.interval(),
        float(blind.mean()),
        None,
        len(own),
        int(owners.max()) + 1,
    )
