"""What an evaluation found: figures with interval, chance and majority beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsiam.evaluation.protocol import EpisodeProtocol


def _check(record: Figure | FewShot | PairAuc, value: float) -> None:
    """Refuse a figure that is not finite or outside of 0 to 1, such as a mean of nothing."""
    figures = np.array([value, record.low, record.high, record.chance])
    if not np.all((figures >= -1e-9) & (figures <= 1 + 1e-9)):  # NaN fails too
        raise ValueError(f"figures must be within 0 and 1: {record}")


@dataclass(frozen=True)
class Figure:
    """One figure between 0 and 1; higher is better.

    Attributes:
        value: what was measured.
        low, high: 95 % interval over subjects, as queries and as references.
        chance: what blind guessing scores on the same queries.
        majority: what always naming the most frequent condition scores; None where that question
            has no meaning.
        n_queries: cases that asked.
        n_subjects: subjects that they come from.
    """

    value: float
    low: float
    high: float
    chance: float
    majority: float | None
    n_queries: int
    n_subjects: int

    def __post_init__(self) -> None:
        _check(self, self.value)


@dataclass(frozen=True)
class FewShot:
    """Balanced accuracy of nearest-prototype episodes for one number of shots.

    Attributes:
        n_shot: support cases, of as many subjects, per condition.
        n_way: conditions per episode.
        accuracy: mean over the conditions of the share of queries named rightly.
        low, high: 95 % interval over subjects, those of the queries and of the support.
        chance, majority: 1 / n_way, for guessing and for always naming one condition alike:
            every condition has the same number of queries.
        n_subjects: subjects that asked.
        n_episodes: episodes drawn.
        by_condition: accuracy of each condition that took part.
        left_out: conditions with too few subjects for these shots, and how many they have.
    """

    n_shot: int
    n_way: int
    accuracy: float
    low: float
    high: float
    chance: float
    majority: float
    n_subjects: int
    n_episodes: int
    by_condition: dict[str, float]
    left_out: dict[str, int]

    def __post_init__(self) -> None:
        _check(self, self.accuracy)


@dataclass(frozen=True)
class Retrieval:
    """Leave-one-subject-out retrieval: each case ranks all cases of other subjects.

    Attributes:
        precision_at_1: share of queries whose nearest case has their condition; macro over
            conditions.
        precision_at_1_micro: the same, every query weighing the same.
        mean_average_precision: macro over conditions.
        mean_average_precision_micro: every query weighing the same.
    """

    precision_at_1: Figure
    precision_at_1_micro: Figure
    mean_average_precision: Figure
    mean_average_precision_micro: Figure


@dataclass(frozen=True)
class PairAuc:
    """How well distance tells pairs of one condition from pairs of two, subjects different.

    Attributes:
        value: probability that a pair of one condition is closer than a pair of two.
        low, high: 95 % interval over subjects.
        n_same, n_different: pairs compared.
        chance: one half.
    """

    value: float
    low: float
    high: float
    n_same: int
    n_different: int
    chance: float = 0.5

    def __post_init__(self) -> None:
        _check(self, self.value)


@dataclass(frozen=True)
class ConditionCount:
    """How much of one condition took part."""

    condition: str
    n_scans: int
    n_cases: int
    n_subjects: int


@dataclass(frozen=True)
class Evaluation:
    """All figures of one set of embeddings.

    Attributes:
        protocol: the settings.
        few_shot: one entry per number of shots that could be drawn, in the protocol's order.
        retrieval: over all cases of the chosen conditions.
        pair_auc: over all pairs of cases of different subjects.
        counts: per condition, in alphabetical order.
        notices: what was left out and what limits the figures.
    """

    protocol: EpisodeProtocol
    few_shot: tuple[FewShot, ...]
    retrieval: Retrieval
    pair_auc: PairAuc
    counts: tuple[ConditionCount, ...]
    notices: tuple[str, ...]
