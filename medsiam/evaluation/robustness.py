"""Do ranks stay when a scan is rotated, shifted, brightened, noisy or coarse?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.distances import pairwise_distances
from medsiam.errors import NothingToDoError, UsageError
from medsiam.evaluation.influence import query_influence, sum_of_each
from medsiam.evaluation.items import Items
from medsiam.evaluation.protocol import EpisodeProtocol
from medsiam.evaluation.result import Figure
from medsiam.evaluation.spread import Spread
from medsiam.metrics import spread_of_cases

Floats = NDArray[np.float64]

_TOP = 10
_SAME_ENCODER = 0.02  # length of the difference, as a share of the embedding's


@dataclass(frozen=True)
class RankChange:
    """What one change of the scans does to the ranks.

    Attributes:
        name: of the change.
        nearest_stays: share of queries whose nearest case is the one it was.
        overlap_at_10: share of the ten nearest cases that are still among them.
        precision_at_1: after the change; every query weighs the same.
    """

    name: str
    nearest_stays: Figure
    overlap_at_10: Figure
    precision_at_1: Figure


@dataclass(frozen=True)
class Robustness:
    """Ranks of changed scans against the unchanged cases of other subjects.

    Attributes:
        n_cases: queries; only those with a case of their condition to be found.
        precision_at_1: before any change.
        changes: one entry per change.
    """

    n_cases: int
    precision_at_1: Figure
    changes: tuple[RankChange, ...]


def measure_robustness(
    items: Items,
    chosen: Sequence[int],
    paths: Sequence[str],
    embeddings: Mapping[str, NDArray[np.float32]],
    *,
    protocol: EpisodeProtocol,
) -> Robustness:
    """Compare each chosen case's ranks before and after each change.

    Args:
        items: the cases, unchanged.
        chosen: positions of those that ask.
        paths: (m,) of the scans of the chosen cases.
        embeddings: change -> (m, d); the first entry is of the unchanged scans.
        protocol: its metric.

    Raises:
        UsageError: unchanged scans whose embeddings are not those of the items.
        NothingToDoError: where no query has a case of its condition to be found.
    """
    place = {path: row for row, path in enumerate(paths)}
    scans = [[place[path] for path in items.paths[case]] for case in chosen]
    x = items.embeddings.astype(np.float64)
    asking = {
        name: np.stack([np.concatenate([values[row] for row in case]) for case in scans])
        for name, values in embeddings.items()
    }
    unchanged = next(iter(asking))
    _check_same_encoder(asking[unchanged], x[list(chosen)])
    owners = np.unique(np.asarray(items.subjects), return_inverse=True)[1]
    conditions = np.asarray(items.conditions)
    precision = spread_of_cases(x, conditions) if protocol.metric == "mahalanobis" else None
    own = np.asarray(chosen, dtype=np.intp)
    foreign = owners[own, None] != owners[None, :]
    answerable = (foreign & (conditions[own, None] == conditions[None, :])).any(axis=1)
    if not answerable.any():
        raise NothingToDoError("robustness: no case has another subject's case of its condition")
    own, foreign = own[answerable], foreign[answerable]
    asking = {name: queries[answerable] for name, queries in asking.items()}
    ranks = {}
    for name, queries in asking.items():
        distances = pairwise_distances(queries, x, metric=protocol.metric, precision=precision)
        ranks[name] = np.argsort(np.where(foreign, distances, np.inf), axis=1, kind="stable")
    n_candidates = foreign.sum(axis=1)
    relevant = foreign & (conditions[own, None] == conditions[None, :])
    blind = {
        "nearest": float(np.mean(1 / n_candidates)),
        "overlap": float(np.mean(np.minimum(1.0, _TOP / n_candidates))),
        "right": float(np.mean(relevant.sum(axis=1) / n_candidates)),
    }

    def figure(values: Floats, chance: str) -> Figure:
        return _mean(values, owners[own], blind[chance])

    def right(order: NDArray[np.intp]) -> Floats:
        return np.asarray(conditions[order[:, 0]] == conditions[own], dtype=np.float64)

    before = ranks.pop(unchanged)
    top = np.minimum(_TOP, n_candidates)
    changes = tuple(
        RankChange(
            name,
            figure(np.asarray(after[:, 0] == before[:, 0], dtype=np.float64), "nearest"),
            figure(_overlap(before, after, top), "overlap"),
            figure(right(after), "right"),
        )
        for name, after in ranks.items()
    )
    return Robustness(len(own), figure(right(before), "right"), changes)


def _overlap(before: NDArray[np.intp], after: NDArray[np.intp], top: NDArray[np.intp]) -> Floats:
    shared = [
        len(np.intersect1d(a[:n], b[:n])) / n for a, b, n in zip(before, after, top, strict=True)
    ]
    return np.array(shared, dtype=np.float64)


def _mean(values: Floats, owners: NDArray[np.intp], chance: float) -> Figure:
    codes = np.unique(owners, return_inverse=True)[1]
    moves = query_influence(values, np.zeros(len(values), dtype=np.intp), np.ones(len(values)))
    n = int(codes.max()) + 1
    spread = Spread(float(values.mean()), sum_of_each(codes, moves, n))
    return Figure(spread.value, *spread.interval(), chance, None, len(values), n)


def _check_same_encoder(again: NDArray[np.float32], saved: Floats) -> None:
    if again.shape == saved.shape:
        apart = np.linalg.norm(again - saved, axis=1)
        if np.median(apart) <= _SAME_ENCODER * np.median(np.linalg.norm(saved, axis=1)):
            return
    raise UsageError(
        "robustness: the encoder gives these scans other embeddings than the file holds; name the "
        "encoder that the file was made with"
    )
