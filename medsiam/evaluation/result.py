"""What an evaluation found: figures with interval, chance and majority beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from medsiam.evaluation.protocol import EpisodeProtocol
from medsiam.evaluation.spread import Spread


def _check(record: Figure | FewShot | PairAuc, value: float) -> None:
    """Refuse a figure that is not finite or outside of 0 to 1, such as a mean of nothing."""
    figures = np.array([value, record.low, record.high, record.chance])
    if not np.all((figures >= -1e-9) & (figures <= 1 + 1e-9)):  # NaN fails too
        raise ValueError(f"figures must be within 0 and 1: {record}")


@dataclass(frozen=True)
class Figure:
    """One figure between 0 and 1.

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
class UnevenShots:
    """The same with shots that differ between the conditions of an episode.

    Attributes:
        fewest, most: shots of a condition, drawn evenly between them; their mean is `n_shot`.
        accuracy, low, high: as of the balanced shots.
        loss: accuracy of balanced shots less that of uneven ones.
        loss_low, loss_high: 95 % interval over subjects of the loss.
    """

    fewest: int
    most: int
    accuracy: float
    low: float
    high: float
    loss: float
    loss_low: float
    loss_high: float


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
        intervals: 95 % interval of each value of `by_condition`.
        confusion: condition -> share of its queries that were given each condition.
        uneven: the same with uneven shots; None where it was not asked for or cannot be drawn.
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
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    confusion: dict[str, dict[str, float]] = field(default_factory=dict)
    uneven: UnevenShots | None = None

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
        precision_at_5, precision_at_10: share of the query's condition among the 5 or 10 nearest
            cases; macro. Conditions with fewer cases cannot reach 1.
        precision_at_min_5, precision_at_min_10: the same among the nearest min(k, cases of the
            condition); macro.
        mean_reciprocal_rank: 1 / place of the first case of the query's condition; macro.
    """

    precision_at_1: Figure
    precision_at_1_micro: Figure
    mean_average_precision: Figure
    mean_average_precision_micro: Figure
    precision_at_5: Figure
    precision_at_10: Figure
    precision_at_min_5: Figure
    precision_at_min_10: Figure
    mean_reciprocal_rank: Figure


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
class Verification:
    """Same condition or not, decided by a threshold on the distance of a pair.

    Attributes:
        equal_error_rate: where as many different pairs are accepted as same pairs are refused;
            lower is better, one half is chance.
        threshold: the distance there.
        tar_at_far_1, tar_at_far_01: share of same pairs accepted where 1 % and 0.1 % of different
            pairs are.
        n_same, n_different: pairs compared.
    """

    equal_error_rate: Figure
    threshold: float
    tar_at_far_1: Figure
    tar_at_far_01: Figure
    n_same: int
    n_different: int


@dataclass(frozen=True)
class OpenSet:
    """Queries of a condition that the bank lacks, told by the distance to the nearest case.

    Attributes:
        auroc: probability that such a query lies farther from the bank than one whose condition
            is there; mean over the conditions, each left out in turn.
        fpr95: share of such queries that pass as known where 95 % of known ones do; lower is
            better.
        by_condition: condition left out -> its AUROC.
    """

    auroc: Figure
    fpr95: Figure
    by_condition: dict[str, float]


@dataclass(frozen=True)
class Classification:
    """Queries named by a fixed bank, or by folds of subjects.

    Attributes:
        bank: how the bank was chosen, in words.
        n_bank: cases in it; with folds, in each on average.
        nearest_1, nearest_5: balanced accuracy of the nearest case, and of the five nearest.
        prototype: of the nearest mean.
        linear: of a logistic regression on standardised embeddings, conditions weighing the same.
        linear_auc: area under the ROC curve of its probabilities; mean of one against the rest.
        linear_micro: plain accuracy of the logistic regression, without weights in the fit.
    """

    bank: str
    n_bank: int
    nearest_1: Figure
    nearest_5: Figure
    prototype: Figure
    linear: Figure
    linear_micro: Figure
    linear_auc: Figure


@dataclass(frozen=True)
class Slice:
    """Retrieval of a part of the queries, against all cases.

    Attributes:
        column: of the case table; "condition" for the conditions themselves.
        name: the value.
        n_queries, n_subjects: how many asked.
        precision_at_1, average_precision: None where fewer than five subjects asked.
    """

    column: str
    name: str
    n_queries: int
    n_subjects: int
    precision_at_1: Figure | None
    average_precision: Figure | None


@dataclass(frozen=True)
class SourceProbe:
    """How well embeddings tell where a case comes from: a warning of shortcuts, not a merit.

    Attributes:
        column: of the case table.
        nearest: macro over sources: the nearest case of another subject has the same source.
        linear: balanced accuracy of a logistic regression over folds of subjects.
        n_sources: sources with at least two subjects.
    """

    column: str
    nearest: Figure
    linear: Figure | None
    n_sources: int


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
        verification: over the same pairs.
        open_set: None where no condition can be left out with queries on both sides.
        official_split, folds: None where the table has no such split or none were asked for.
        slices: per condition, then per column and value.
        source_probe: None where the table names fewer than two sources.
        cases: digest of which cases were measured, in their order; never written.
        spreads: name of a figure -> how it varies over subjects, for `compare_evaluations`.
    """

    protocol: EpisodeProtocol
    few_shot: tuple[FewShot, ...]
    retrieval: Retrieval
    pair_auc: PairAuc
    counts: tuple[ConditionCount, ...]
    notices: tuple[str, ...]
    verification: Verification
    open_set: OpenSet | None
    official_split: Classification | None
    folds: Classification | None
    slices: tuple[Slice, ...]
    source_probe: SourceProbe | None
    cases: str = field(default="", compare=False, repr=False)
    spreads: Mapping[str, Spread] = field(default_factory=dict, compare=False, repr=False)
