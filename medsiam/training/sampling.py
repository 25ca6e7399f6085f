"""Which scans meet in a training step, and which of them are compared.

A step draws P conditions with K scans of each, embeds these P x K scans once, and forms every
pair or triplet among them. Drawing pairs first would embed a scan once per pair and learn from a
few dozen pairs where the same work gives hundreds: on a CPU the network is what costs.

- Different subjects: the K scans of a condition come from K different subjects where it has so
  many, and a scan is compared with a similar one of the same subject only where the batch has
  nothing else for it. Else a network learns to recognise patients.
- Episodes divide the scans of a condition into support and queries, and no subject into both.
- Balance: every condition is drawn equally often, so every two conditions meet equally often;
  the contrastive loss gives similar and dissimilar pairs one half each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Labels = Sequence[str] | Indices


@dataclass(frozen=True)
class Pairs:
    """Positions in the batch: (n,) `first`, (n,) `second`; (n,) `dissimilar` is Y of the loss."""

    first: Indices
    second: Indices
    dissimilar: NDArray[np.bool_]


@dataclass(frozen=True)
class Triplets:
    """Positions in the batch, each (n,)."""

    anchor: Indices
    positive: Indices
    negative: Indices


@dataclass(frozen=True)
class Episode:
    """(P * K,) `positions` of the rows drawn; (P * K,) True where a row is `support`."""

    positions: Indices
    support: NDArray[np.bool_]


def draw_batch(
    conditions: Labels,
    subjects: Labels,
    *,
    conditions_per_batch: int | None,
    scans_per_condition: int,
    random_state: np.random.Generator,
) -> Indices:
    """Draw P conditions and K rows of each.

    Args:
        conditions: of each row.
        subjects: of each row.
        conditions_per_batch: P; None or more than there are: all conditions.
        scans_per_condition: K. A condition with fewer rows gives some of them twice.
        random_state: decides.

    Returns:
        (P * K,) positions in `conditions`.
    """
    drawn = _draw_conditions(conditions, subjects, conditions_per_batch, random_state)
    return np.concatenate([draw_rows(rows, scans_per_condition, random_state) for rows in drawn])


def draw_episode(
    conditions: Labels,
    subjects: Labels,
    *,
    conditions_per_batch: int | None,
    scans_per_condition: int,
    support_per_condition: int,
    uneven: bool,
    random_state: np.random.Generator,
) -> Episode:
    """Draw P conditions and K rows of each, part of them support, the rest queries.

    Args:
        conditions: of each row.
        subjects: of each row.
        conditions_per_batch: P; None or more than there are: all conditions.
        scans_per_condition: K, support and queries together.
        support_per_condition: below K; fewer where a condition has so few subjects that none
            would be left to ask.
        uneven: each condition draws its number of support rows anew, from 1 to that number.
        random_state: decides.
    """
    positions, support = [], []
    for rows in _draw_conditions(conditions, subjects, conditions_per_batch, random_state):
        most = max(1, min(support_per_condition, len(rows) - 1))
        n_support = int(random_state.integers(1, most + 1)) if uneven else most
        n_queries = scans_per_condition - n_support
        order = [rows[i] for i in random_state.permutation(len(rows))]
        # One subject alone cannot be on both sides, except where there is no other.
        asked = order[n_support:] or order
        positions.append(draw_rows(order[:n_support], n_support, random_state))
        positions.append(draw_rows(asked, n_queries, random_state))
        support += [True] * n_support + [False] * n_queries
    return Episode(np.concatenate(positions), np.array(support))


def _draw_conditions(
    conditions: Labels,
    subjects: Labels,
    conditions_per_batch: int | None,
    random_state: np.random.Generator,
) -> list[list[Indices]]:
    """Rows of each subject of each condition drawn, the conditions in sorted order."""
    names, codes = np.unique(np.asarray(conditions), return_inverse=True)
    owners = np.asarray(subjects)
    n_conditions = min(conditions_per_batch or len(names), len(names))
    drawn = []
    for code in sorted(random_state.choice(len(names), size=n_conditions, replace=False)):
        rows = np.flatnonzero(codes == code)
        _, owner = np.unique(owners[rows], return_inverse=True)
        order = np.argsort(owner, kind="stable")
        bounds = np.flatnonzero(np.diff(owner[order])) + 1
        drawn.append(np.split(rows[order], bounds))
    return drawn


def draw_rows(
    rows_by_subject: Sequence[Sequence[int] | Indices], size: int, random_state: np.random.Generator
) -> Indices:
    """Draw one row of each subject in turn, until there are enough.

    Args:
        rows_by_subject: the rows of each subject.
        size: how many; where there are fewer rows, a round starts anew.
        random_state: decides.

    Returns:
        (size,) rows.
    """
    rows: list[int] = []
    while len(rows) < size:
        decks: dict[int, Indices] = {}  # shuffled only where needed: there can be many
        for turn in range(max(len(deck) for deck in rows_by_subject)):
            if len(rows) == size:
                break
            ready = [i for i, deck in enumerate(rows_by_subject) if len(deck) > turn]
            for i in random_state.permutation(ready)[: size - len(rows)].tolist():
                if i not in decks:
                    decks[i] = random_state.permutation(rows_by_subject[i])
                rows.append(int(decks[i][turn]))
    return np.array(rows, dtype=np.int64)


def similar_and_not(
    conditions: Labels, subjects: Labels, n_anchors: int | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is worth comparing with each scan of the batch, similar and dissimilar.

    Args:
        conditions: of each of n scans.
        subjects: of each of n scans.
        n_anchors: the first m scans are the batch, the others earlier ones; None: all are.

    Returns:
        two (m, n), row = anchor.
    """
    m = len(conditions) if n_anchors is None else n_anchors
    return _positives(conditions, subjects, m), ~_equal(conditions, m)


def all_pairs(conditions: Labels, subjects: Labels, n_anchors: int | None = None) -> Pairs:
    """Every pair of the batch that is worth comparing, each once; arguments as above."""
    positive, negative = similar_and_not(conditions, subjects, n_anchors)
    m = len(positive)
    # A pair within the batch has two anchors; either may find the other worth comparing.
    positive[:, :m] |= positive[:, :m].T
    first, second = np.nonzero(np.triu(positive | negative, k=1))
    return Pairs(first, second, negative[first, second])


def all_triplets(conditions: Labels, subjects: Labels, n_anchors: int | None = None) -> Triplets:
    """Every (anchor, positive, negative) of the batch; arguments as above."""
    positives, negatives = similar_and_not(conditions, subjects, n_anchors)
    anchor, positive = np.nonzero(positives)
    pair, negative = np.nonzero(negatives[anchor])
    return Triplets(anchor[pair], positive[pair], negative)


def _equal(names: Labels, n_anchors: int) -> NDArray[np.bool_]:
    _, codes = np.unique(np.asarray(names), return_inverse=True)
    return np.equal.outer(codes[:n_anchors], codes)


def _positives(conditions: Labels, subjects: Labels, n_anchors: int) -> NDArray[np.bool_]:
    """(m, n), row = anchor: same condition, other scan; another subject where there is one."""
    another = ~np.eye(n_anchors, len(conditions), dtype=bool)
    similar = _equal(conditions, n_anchors) & another
    across = similar & ~_equal(subjects, n_anchors)
    alone = ~across.any(axis=1, keepdims=True)
    return across | (similar & alone)
