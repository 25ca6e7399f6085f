"""Which scans meet in a training step, and which of them are compared.

A step draws P conditions with K scans of each, embeds these P x K scans once, and forms every
pair or triplet among them. Drawing pairs first would embed a scan once per pair and learn from a
few dozen pairs where the same work gives hundreds: on a CPU the network is what costs.

- Different subjects: the K scans of a condition come from K different subjects where it has so
  many, and a scan is compared with a similar one of the same subject only where the batch has
  nothing else for it. Else a network learns to recognise patients.
- Balance: every condition is drawn equally often, so every two conditions meet equally often;
  the contrastive loss gives similar and dissimilar pairs one half each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


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


def draw_batch(
    conditions: Sequence[str],
    subjects: Sequence[str],
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
    rows_of: dict[str, dict[str, list[int]]] = {}
    for row, (condition, subject) in enumerate(zip(conditions, subjects, strict=True)):
        rows_of.setdefault(condition, {}).setdefault(subject, []).append(row)
    names = sorted(rows_of)
    n_conditions = min(conditions_per_batch or len(names), len(names))
    drawn = random_state.choice(len(names), size=n_conditions, replace=False)
    rows = [
        _draw_rows(list(rows_of[names[i]].values()), scans_per_condition, random_state)
        for i in sorted(drawn)
    ]
    return np.concatenate(rows)


def _draw_rows(
    rows_by_subject: list[list[int]], size: int, random_state: np.random.Generator
) -> Indices:
    """One row of each subject in turn, until there are enough; a round starts anew if needed."""
    rows: list[int] = []
    while len(rows) < size:
        decks = [random_state.permutation(deck).tolist() for deck in rows_by_subject]
        for turn in range(max(len(deck) for deck in decks)):
            ready = [deck[turn] for deck in decks if len(deck) > turn]
            rows += random_state.permutation(ready).tolist()
    return np.array(rows[:size], dtype=np.int64)


def similar_and_not(
    conditions: Sequence[str], subjects: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is worth comparing with each scan of the batch, similar and dissimilar.

    Args:
        conditions: of each scan in the batch.
        subjects: of each scan in the batch.

    Returns:
        two (n, n), row = anchor.
    """
    return _positives(conditions, subjects), ~_equal(conditions)


def all_pairs(conditions: Sequence[str], subjects: Sequence[str]) -> Pairs:
    """Every pair of the batch that is worth comparing, each once.

    Args:
        conditions: of each scan in the batch.
        subjects: of each scan in the batch.
    """
    positive = _positives(conditions, subjects)
    same = _equal(conditions)
    first, second = np.triu_indices(len(conditions), k=1)
    keep = positive[first, second] | positive[second, first] | ~same[first, second]
    return Pairs(first[keep], second[keep], ~same[first[keep], second[keep]])


def all_triplets(conditions: Sequence[str], subjects: Sequence[str]) -> Triplets:
    """Every (anchor, positive, negative) of the batch.

    Args:
        conditions: of each scan in the batch.
        subjects: of each scan in the batch.
    """
    anchor, positive = np.nonzero(_positives(conditions, subjects))
    negatives = ~_equal(conditions)[anchor]
    pair, negative = np.nonzero(negatives)
    return Triplets(anchor[pair], positive[pair], negative)


def _equal(names: Sequence[str]) -> NDArray[np.bool_]:
    _, codes = np.unique(np.asarray(names), return_inverse=True)
    return np.equal.outer(codes, codes)


def _positives(conditions: Sequence[str], subjects: Sequence[str]) -> NDArray[np.bool_]:
    """(n, n), row = anchor: same condition, other scan; another subject where there is one."""
    similar = _equal(conditions) & ~np.eye(len(conditions), dtype=bool)
    across = similar & ~_equal(subjects)
    alone = ~across.any(axis=1, keepdims=True)
    return across | (similar & alone)
