"""Random halves of the subjects: the spread of figures that jump when a neighbour goes.

P@1 and its kin have no derivative by a subject's weight, and a subject drawn twice would be its own
neighbour. Their spread over random halves of the subjects is that of the whole (J. Shao and C. F.
J. Wu, "A general theory for jackknife variance estimation", Annals of Statistics 17 (1989)
1176-1197), rather too wide than too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

N_HALVES = 300
_FEWEST_SUBJECTS = 4


def over_halves(
    figures: Callable[[Mask], Mapping[str, float]],
    n_subjects: int,
    *,
    random_state: int,
    n_halves: int = N_HALVES,
) -> dict[str, Floats]:
    """Measure on random halves of the subjects; the same seed gives the same halves.

    Args:
        figures: from (n_subjects,) who is in to figures; NaN for one that cannot be given.
        n_subjects: how many there are.
        random_state: seed.
        n_halves: how many halves.

    Returns:
        figure -> (n_halves,) values, scaled around their mean so that their variance is that of
        the figure over all subjects; NaN throughout where fewer than four subjects, or fewer than
        half of the halves with an answer, say nothing of it.
    """
    rng = np.random.default_rng(random_state)
    half = n_subjects // 2
    rows = []
    for _ in range(n_halves):
        drawn = np.zeros(n_subjects, dtype=bool)
        drawn[rng.permutation(n_subjects)[:half]] = True
        rows.append(figures(drawn))
    scale = np.sqrt(half / max(1, n_subjects - half))
    scaled = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows], dtype=np.float64)
        known = np.isfinite(values)
        if n_subjects < _FEWEST_SUBJECTS or 2 * known.sum() < n_halves:
            scaled[name] = np.full(n_halves, np.nan)
            continue
        mean = float(values[known].mean())
        scaled[name] = mean + scale * (np.where(known, values, mean) - mean)
    return scaled
