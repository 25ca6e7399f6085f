"""N-way K-shot episodes: small banks and their queries, never with a subject on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.distances import pairwise_distances, span_coordinates
from medsiam.errors import NothingToDoError
from medsiam.metrics import spread_of_cases

Positions = NDArray[np.intp]

_ATTEMPTS = 200  # draws of one episode's support before it is given up


@dataclass(frozen=True, eq=False)
class Episodes:
    """Positions of cases in e episodes of w conditions.

    Attributes:
        support: (e, w, n_shot) cases of different subjects in each row.
        query: (e, w, n_query) cases of subjects that are nowhere in the episode's support.
    """

    support: Positions
    query: Positions


@dataclass(frozen=True, eq=False)
class _Pool:
    """The cases of one condition by subject."""

    subjects: Positions
    cases: dict[int, Positions]

    def draw(self, subjects: Positions, rng: np.random.Generator) -> list[int]:
        """One case of each subject."""
        drawn = []
        for subject in subjects:
            own = self.cases[int(subject)]
            drawn.append(int(own[rng.integers(len(own))] if len(own) > 1 else own[0]))
        return drawn


def draw_episodes(
    conditions: Sequence[str],
    subjects: Sequence[str],
    *,
    n_shot: int,
    n_way: int | None = None,
    n_episodes: int = 1000,
    n_query: int = 10,
    random_state: int = 0,
) -> Episodes:
    """Draw episodes; the same arguments give the same episodes, whatever the embeddings.

    In each episode and for each condition, `n_shot` subjects are drawn, then one case of each;
    queries come from the subjects that are left, again one case each, and these subjects are
    taken several times where they are fewer than `n_query`. Every condition thus has the same
    number of queries, however uneven the table is.

    Args:
        conditions: (n,) each with at least n_shot + 1 subjects.
        subjects: (n,).
        n_shot: support cases per condition.
        n_way: conditions per episode; None: all.
        n_episodes: how many.
        n_query: queries per condition.
        random_state: seed.

    Raises:
        NothingToDoError: where the conditions share so many subjects that no support leaves
            a query to every condition.
    """
    rng = np.random.default_rng([random_state, n_shot])
    pools = _pools(conditions, subjects)
    n_subjects = len(set(subjects))
    n_way = n_way or len(pools)
    support = np.empty((n_episodes, n_way, n_shot), dtype=np.intp)
    query = np.empty((n_episodes, n_way, n_query), dtype=np.intp)
    for episode in range(n_episodes):
        chosen = pools
        if n_way < len(pools):
            chosen = [pools[i] for i in rng.choice(len(pools), n_way, replace=False)]
        taken, left = _split_subjects(chosen, n_shot, n_subjects, rng)
        for way, pool in enumerate(chosen):
            askers = np.resize(rng.permutation(left[way]), n_query)
            support[episode, way] = pool.draw(taken[way], rng)
            query[episode, way] = pool.draw(askers, rng)
    return Episodes(support, query)


def _pools(conditions: Sequence[str], subjects: Sequence[str]) -> list[_Pool]:
    names = np.asarray(conditions)
    owners = np.unique(np.asarray(subjects), return_inverse=True)[1]
    pools = []
    for name in np.unique(names):
        cases = np.flatnonzero(names == name)
        own = np.unique(owners[cases])
        pools.append(_Pool(own, {int(s): cases[owners[cases] == s] for s in own}))
    return pools


def _split_subjects(
    pools: Sequence[_Pool], n_shot: int, n_subjects: int, rng: np.random.Generator
) -> tuple[list[Positions], list[Positions]]:
    """For each condition, the subjects of its support and those left to ask.

    A subject may have several conditions (cells of one smear): taken for one, it asks for none.
    """
    for _ in range(_ATTEMPTS):
        taken = [rng.permutation(pool.subjects)[:n_shot] for pool in pools]
        free = np.ones(n_subjects, dtype=bool)
        free[np.concatenate(taken)] = False
        left = [pool.subjects[free[pool.subjects]] for pool in pools]
        if all(len(subjects) for subjects in left):
            return taken, left
    raise NothingToDoError(
        f"the conditions share so many subjects that {n_shot} of each cannot be kept apart from "
        "the queries"
    )


def score_queries(
    embeddings: ArrayLike, episodes: Episodes, *, metric: str = "cosine"
) -> NDArray[np.float64]:
    """Name each query's condition by the nearest prototype, the mean of its support embeddings.

    For "mahalanobis" the precision comes from the episode's support alone, as a bank of these
    cases would have it.

    Args:
        embeddings: (n, d).
        episodes: positions into `embeddings`.
        metric: one of `medsiam.distances.METRICS`.

    Returns:
        (e, w, n_query) 1 where the named condition is right, 0 where it is wrong, 1/t where t
        conditions are equally near and the right one is among them.

    Raises:
        UsageError: "mahalanobis" where an episode's support cases are all alike.
    """
    x = np.ascontiguousarray(embeddings, dtype=np.float64)
    n_episodes, n_way, n_query = episodes.query.shape
    own = np.repeat(np.arange(n_way), n_query)
    hits = np.empty(episodes.query.shape)
    for episode in range(n_episodes):
        support = x[episodes.support[episode]]
        queries = x[episodes.query[episode].ravel()]
        if metric == "mahalanobis":
            distances = _mahalanobis(queries, support)
        else:
            distances = pairwise_distances(queries, support.mean(axis=1), metric=metric)
        nearest = distances == distances.min(axis=1, keepdims=True)
        right = nearest[np.arange(len(own)), own] / nearest.sum(axis=1)
        hits[episode] = right.reshape(n_way, n_query)
    return hits


def _mahalanobis(queries: NDArray[np.float64], support: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances (q, w) of queries (q, d) to the prototypes of support cases (w, n_shot, d)."""
    n_way, n_shot, d = support.shape
    points = span_coordinates(np.concatenate([support.reshape(-1, d), queries]))
    cases, asking = points[: n_way * n_shot], points[n_way * n_shot :]
    precision = spread_of_cases(cases, np.repeat(np.arange(n_way), n_shot), dimensions=d)
    prototypes = cases.reshape(n_way, n_shot, -1).mean(axis=1)
    return pairwise_distances(asking, prototypes, metric="mahalanobis", precision=precision)
