"""Episodes' queries named by the nearest prototype, the mean of a condition's support."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.distances import span_coordinates
from medsiam.evaluation.episodes import Episodes
from medsiam.evaluation.uneven import Supports, measure, uneven_distances
from medsiam.metrics import ratio, spread_of_cases

Floats = NDArray[np.float64]

_BLOCK_VALUES = 4_000_000  # inner products gathered at a time
_MOST_CASES = 4000  # whose inner products are held at a time
_TIE = 1e-12  # prototypes of different numbers of equal cases differ by rounding


def name_queries(embeddings: ArrayLike, episodes: Episodes, *, metric: str = "cosine") -> Floats:
    """Name each query's condition by the nearest prototype.

    For "mahalanobis" the precision comes from the episode's support alone, as a bank of these
    cases would have it. Prototypes of different numbers of cases are compared as
    `medsiam.evaluation.uneven` says.

    Args:
        embeddings: (n, d).
        episodes: positions into `embeddings`.
        metric: one of `medsiam.distances.METRICS`.

    Returns:
        (e, w, n_query, w) share with which each query is given each condition: 1 for the nearest,
        1/t each where t conditions are equally near.

    Raises:
        UsageError: "mahalanobis" where an episode's support cases are all alike.
    """
    x = np.ascontiguousarray(embeddings, dtype=np.float64)
    n_episodes, n_way, n_query = episodes.query.shape
    distances = np.empty((n_episodes, n_way * n_query, n_way))
    if metric == "mahalanobis":
        for episode in range(n_episodes):
            distances[episode] = _mahalanobis(x, episodes, episode)
    else:
        x = x - x.mean(axis=0) if metric == "euclidean" else x
        for part in _parts(episodes, len(x)):
            distances[part] = _to_prototypes(
                x, episodes.support[part], episodes.query[part], metric
            )
    # Squared distances have a unit, and so has their tolerance.
    unit = np.maximum(1e-300, np.abs(distances).max()) if metric != "cosine" else 1.0
    nearest = distances <= distances.min(axis=2, keepdims=True) + _TIE * unit
    shares = nearest / nearest.sum(axis=2, keepdims=True)
    named: Floats = shares.reshape(n_episodes, n_way, n_query, n_way)
    return named


def hits_of(named: Floats) -> Floats:
    """(e, w, n_query) share of each query that got its own condition."""
    return np.ascontiguousarray(np.moveaxis(np.diagonal(named, axis1=1, axis2=3), 2, 1))


def _parts(episodes: Episodes, n: int) -> Iterator[slice]:
    """Runs of episodes whose inner products fit into memory."""
    n_episodes, n_way, n_query = episodes.query.shape
    n_shot = episodes.support.shape[2]
    step = _BLOCK_VALUES // (n_way * n_way * max(n_query, n_shot) * n_shot)
    if n > _MOST_CASES:
        step = min(step, _MOST_CASES // (n_way * (n_query + n_shot)))
    for start in range(0, n_episodes, max(1, step)):
        yield slice(start, start + max(1, step))


def _to_prototypes(
    x: Floats, support: NDArray[np.intp], query: NDArray[np.intp], metric: str
) -> Floats:
    """(e, w * n_query, w) distances; Euclidean ones are squared and scaled.

    Inner products of cases are computed once; those of prototypes are their means.
    """
    used, places = np.unique(np.append(support.ravel(), query.ravel()), return_inverse=True)
    held = np.where(support >= 0, places[: support.size].reshape(support.shape), 0)
    asking = places[support.size :].reshape(len(query), -1)
    products = x[used] @ x[used].T
    shots = (support >= 0).sum(axis=2)
    share = (support >= 0) / shots[:, :, None]  # (e, w, s)
    n_episodes, n_way, n_shot = support.shape
    flat, flat_share = held.reshape(n_episodes, -1), share.reshape(n_episodes, 1, -1)
    dots = products[asking[:, :, None], flat[:, None, :]] * flat_share
    dots = dots.reshape(n_episodes, -1, n_way, n_shot).sum(axis=3)
    sizes = products[asking, asking]
    if (shots == shots[:, :1]).all():
        among = products[held[:, :, :, None], held[:, :, None, :]]
        lengths = np.einsum("ews,ewst,ewt->ew", share, among, share)
        return measure(dots, sizes, lengths, metric)
    case_sizes = (products[held, held] * (support >= 0)).sum(axis=2)
    among = products[flat[:, :, None], flat[:, None, :]] * flat_share
    among = among.reshape(n_episodes, n_way, n_shot, n_way, n_shot).sum(axis=4)
    between = np.einsum("ews,ewsv->ewv", share, among)
    bank = Supports(shots, case_sizes, between)
    return uneven_distances(dots, sizes, bank, metric=metric)


def _mahalanobis(x: Floats, episodes: Episodes, episode: int) -> Floats:
    """Distances (w * n_query, w), squared and scaled, to the prototypes of the support."""
    support = episodes.support[episode]
    seated = support >= 0
    cases = x[support[seated]]
    asking = x[episodes.query[episode].ravel()]
    points = span_coordinates(np.concatenate([cases, asking]))
    labels = np.nonzero(seated)[0]
    precision = spread_of_cases(points[: len(cases)], labels, dimensions=x.shape[1])
    # Where plain distances are Mahalanobis's.
    points = (points - points.mean(axis=0)) @ np.linalg.cholesky(precision)
    places = np.full(support.shape, -1, dtype=np.intp)
    places[seated] = np.arange(len(cases))
    queries = np.arange(len(cases), len(points)).reshape(1, len(support), -1)
    distances: Floats = _to_prototypes(points, places[None], queries, "euclidean")[0]
    return distances


def confusion(
    named: Floats, episodes: Episodes, labels: NDArray[np.intp], n_conditions: int
) -> Floats:
    """(c, c) share of a condition's queries (row) that were given each condition (column).

    A condition that was not in a query's episode could not be given to it. NaN in the row of a
    condition that took no part.
    """
    conditions = labels[episodes.query[:, :, 0]]  # (e, w)
    counts = np.zeros((n_conditions, n_conditions))
    given = named.sum(axis=2)  # (e, w, w)
    np.add.at(counts, (conditions[:, :, None], conditions[:, None, :]), given)
    return ratio(counts, np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape))
