"""Few-shot accuracy for one number of shots, with its interval over subjects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.errors import NothingToDoError
from medsiam.evaluation.episodes import draw_episodes, score_queries
from medsiam.evaluation.influence import few_shot_influence
from medsiam.evaluation.protocol import EpisodeProtocol
from medsiam.evaluation.result import FewShot
from medsiam.metrics import influence_interval


def measure_few_shot(
    embeddings: NDArray[np.floating],
    *,
    conditions: NDArray[np.str_],
    subjects: NDArray[np.generic],
    n_shot: int,
    protocol: EpisodeProtocol,
) -> FewShot:
    """Draw episodes and name their queries by the nearest prototype.

    Conditions with fewer than n_shot + 1 subjects are left out, and named in the result.

    Args:
        embeddings: (n, d).
        conditions: (n,).
        subjects: (n,).
        n_shot: support cases per condition.
        protocol: everything else.

    Raises:
        NothingToDoError: where too few conditions have enough subjects.
    """
    left_out = _too_small(conditions, subjects, n_shot)
    keep = np.isin(conditions, list(left_out), invert=True)
    x, names, owners = embeddings[keep], conditions[keep], subjects[keep]
    n_way = _n_way(len(np.unique(names)), left_out, n_shot, protocol)
    episodes = draw_episodes(
        names.tolist(),
        owners.tolist(),
        n_shot=n_shot,
        n_way=n_way,
        n_episodes=protocol.n_episodes,
        n_query=protocol.n_query,
        random_state=protocol.random_state,
    )
    hits = score_queries(x, episodes, metric=protocol.metric)
    asked = np.bincount(episodes.query.ravel(), minlength=len(x))
    right = np.bincount(episodes.query.ravel(), weights=hits.ravel(), minlength=len(x))
    by_condition = {
        str(name): float(right[names == name].sum() / asked[names == name].sum())
        for name in np.unique(names)
    }
    accuracy = float(np.mean(list(by_condition.values())))
    moves = few_shot_influence(
        hits,
        episodes,
        labels=np.unique(names, return_inverse=True)[1],
        owners=np.unique(owners, return_inverse=True)[1],
    )
    low, high = influence_interval(accuracy, moves.by_subject, extra=moves.extra)
    return FewShot(
        n_shot=n_shot,
        n_way=n_way,
        accuracy=accuracy,
        low=low,
        high=high,
        chance=1 / n_way,
        majority=1 / n_way,
        n_subjects=len(np.unique(owners[asked > 0])),
        n_episodes=protocol.n_episodes,
        by_condition=by_condition,
        left_out=left_out,
    )


def _too_small(
    conditions: NDArray[np.str_], subjects: NDArray[np.generic], n_shot: int
) -> dict[str, int]:
    """Conditions whose support would leave no subject to ask, and how many subjects they have."""
    sizes = {str(c): len(np.unique(subjects[conditions == c])) for c in np.unique(conditions)}
    return {name: n for name, n in sizes.items() if n <= n_shot}


def _n_way(n_left: int, left_out: dict[str, int], n_shot: int, protocol: EpisodeProtocol) -> int:
    n_way = protocol.n_way or max(2, n_left)
    if n_left >= n_way:
        return n_way
    listed = ", ".join(f"{name} has {n}" for name, n in left_out.items())
    raise NothingToDoError(
        f"{n_shot}-shot needs {n_way} conditions with {n_shot + 1} subjects each, and "
        f"{n_left or 'none'} of them {'has' if n_left == 1 else 'have'} that many"
        + (f" ({listed})" if listed else "")
    )
