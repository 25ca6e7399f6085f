"""Conditions named by a fixed bank (an official split) or by folds of subjects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from medsiam.distances import pairwise_distances
from medsiam.errors import NothingToDoError
from medsiam.evaluation.influence import auc_influence, query_influence, sum_of_each
from medsiam.evaluation.pairing import Cohort
from medsiam.evaluation.result import Classification, Figure
from medsiam.evaluation.spread import Spread
from medsiam.metrics import majority_accuracy, spread_of_cases

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]

_NEIGHBOURS = 5
_REGULARISATION = 0.01  # C of the logistic regression, for standardised embeddings


@dataclass(frozen=True, eq=False)
class _Named:
    """What q queries were called.

    Attributes:
        queries: (q,) positions.
        calls: classifier -> (q,) codes of conditions.
        probabilities: (q, c) of the logistic regression.
    """

    queries: Codes
    calls: dict[str, Codes]
    probabilities: Floats


def measure_official_split(
    embeddings: ArrayLike,
    cohort: Cohort,
    splits: ArrayLike,
    *,
    metric: str,
    bank: str,
    query: str | None,
) -> tuple[Classification, dict[str, Spread]] | None:
    """Name the rows of one part of an official split by the rows of the other.

    Subjects in both parts ask nothing.

    Args:
        embeddings: (n, d).
        cohort: conditions and subjects.
        splits: (n,) value of `split`, "" where there is none.
        metric: one of `medsiam.distances.METRICS`.
        bank: value of `split` whose rows are the bank.
        query: value whose rows ask; None: every other one.

    Returns:
        None where one of the parts is missing or the bank has one condition only.
    """
    values = np.asarray(splits, str)
    banked = values == bank
    asks = (values != "") & ~banked if query is None else values == query
    asks &= ~np.isin(cohort.owners, cohort.owners[banked])
    asks &= np.isin(cohort.labels, cohort.labels[banked])
    if len(np.unique(cohort.labels[banked])) < 2 or len(np.unique(cohort.labels[asks])) < 2:
        return None
    if len(np.unique(cohort.owners[asks])) < 2:
        return None
    x = np.asarray(embeddings, dtype=np.float64)
    named = _name(x, cohort, np.flatnonzero(banked), np.flatnonzero(asks), metric)
    asking = "the other rows" if query is None else f"split = {query}"
    words = f"split = {bank}; queries: {asking}"
    return _figures(cohort, named, words, banked)


def measure_folds(
    embeddings: ArrayLike, cohort: Cohort, *, n_folds: int, metric: str, random_state: int
) -> tuple[Classification, dict[str, Spread]]:
    """Name each fold of subjects by the other folds.

    Args:
        embeddings: (n, d).
        cohort: conditions and subjects.
        n_folds: parts of the subjects, with conditions spread evenly.
        metric: one of `medsiam.distances.METRICS`.
        random_state: seed of the folds.

    Raises:
        NothingToDoError: a condition with fewer subjects than folds.
    """
    for label, name in enumerate(np.unique(cohort.names).tolist()):
        n = len(np.unique(cohort.owners[cohort.labels == label]))
        if n < n_folds:
            raise NothingToDoError(
                f"{n_folds} folds need as many subjects of each condition, and {name} has {n}"
            )
    x = np.asarray(embeddings, dtype=np.float64)
    parts = [
        _name(x, cohort, bank, queries, metric)
        for bank, queries in split_folds(cohort, n_folds, random_state)
    ]
    named = _Named(
        np.concatenate([part.queries for part in parts]),
        {call: np.concatenate([part.calls[call] for part in parts]) for call in parts[0].calls},
        np.concatenate([part.probabilities for part in parts]),
    )
    figure, spreads = _figures(
        cohort, named, f"{n_folds} folds of subjects", np.ones(len(x), dtype=bool)
    )
    return replace(figure, n_bank=round(len(x) * (n_folds - 1) / n_folds)), spreads


def split_folds(cohort: Cohort, n_folds: int, random_state: int) -> Iterable[tuple[Codes, Codes]]:
    """Positions of bank and queries of each fold."""
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    places = np.zeros((len(cohort), 1))
    return [
        (np.asarray(bank), np.asarray(queries))
        for bank, queries in folds.split(places, cohort.labels, cohort.owners)
    ]


def linear_probabilities(
    bank: Floats, labels: Codes, queries: Floats, *, balanced: bool, n_conditions: int
) -> Floats:
    """(q, c) probabilities by logistic regression on standardised embeddings."""
    scale = StandardScaler().fit(bank)
    known, asking = scale.transform(bank), scale.transform(queries)
    if len(known) < known.shape[1]:  # the same fit in the space that the bank spans
        basis = np.linalg.qr(known.T)[0]
        known, asking = known @ basis, asking @ basis
    model = LogisticRegression(
        C=_REGULARISATION, class_weight="balanced" if balanced else None, max_iter=2000
    )
    model.fit(known, labels)
    probabilities = np.zeros((len(queries), n_conditions))
    probabilities[:, model.classes_] = model.predict_proba(asking)
    return probabilities


def _name(x: Floats, cohort: Cohort, bank: Codes, queries: Codes, metric: str) -> _Named:
    labels, c = cohort.labels[bank], cohort.n_conditions
    precision = spread_of_cases(x[bank], labels) if metric == "mahalanobis" else None
    distances = pairwise_distances(x[queries], x[bank], metric=metric, precision=precision)
    present = np.unique(labels)
    means = np.stack([x[bank][labels == label].mean(axis=0) for label in present])
    to_means = pairwise_distances(x[queries], means, metric=metric, precision=precision)
    balanced = linear_probabilities(x[bank], labels, x[queries], balanced=True, n_conditions=c)
    plain = linear_probabilities(x[bank], labels, x[queries], balanced=False, n_conditions=c)
    return _Named(
        queries,
        {
            "nearest_1": labels[distances.argmin(axis=1)],
            "nearest_5": _vote(distances, labels, c),
            "prototype": present[to_means.argmin(axis=1)],
            "linear": balanced.argmax(axis=1),
            "linear_micro": plain.argmax(axis=1),
        },
        balanced,
    )


def _vote(distances: Floats, labels: Codes, n_conditions: int) -> Codes:
    """The most frequent condition of the five nearest; of equal ones, that of the nearest case."""
    order = np.argsort(distances, axis=1, kind="stable")[:, :_NEIGHBOURS]
    votes = np.zeros((len(distances), n_conditions))
    # A nearer case weighs more than all further ones, yet all of this never outvotes a whole case.
    weights = 1 + 0.01 * 0.5 ** np.arange(order.shape[1])
    np.add.at(votes, (np.arange(len(votes))[:, None], labels[order]), weights[None, :])
    called: Codes = votes.argmax(axis=1)
    return called


def _figures(
    cohort: Cohort, named: _Named, bank: str, banked: Mask
) -> tuple[Classification, dict[str, Spread]]:
    truth = cohort.labels[named.queries]
    own = np.unique(truth, return_inverse=True)[1]
    spreads = {}
    for call, codes in named.calls.items():
        right = np.asarray(codes == truth, dtype=np.float64)
        groups = np.zeros_like(own) if call.endswith("_micro") else own
        value = float((np.bincount(groups, weights=right) / np.bincount(groups)).mean())
        moves = query_influence(right, groups, np.ones(len(right)))
        spreads[call] = Spread(value, _of_subjects(cohort, named.queries, moves))
    areas = [auc_influence(named.probabilities[:, c], truth == c) for c in np.unique(truth)]
    moves = np.mean([move for _, move in areas], axis=0)
    spreads["linear_auc"] = Spread(
        float(np.mean([value for value, _ in areas])),
        _of_subjects(cohort, named.queries, moves),
    )
    size = (len(truth), len(np.unique(cohort.owners[named.queries])))
    majority = majority_accuracy(truth)
    guess = 1 / len(np.unique(cohort.labels[banked]))  # among all that the bank can name
    usual = 1 / (int(own.max()) + 1)
    blind = {"linear_auc": (0.5, None), "linear_micro": (guess, majority)}
    shown = {
        name: Figure(spread.value, *spread.interval(), *blind.get(name, (guess, usual)), *size)
        for name, spread in spreads.items()
    }
    return Classification(bank, int(banked.sum()), **shown), spreads


def _of_subjects(cohort: Cohort, queries: Codes, moves: Floats) -> Floats:
    """(s,) influence of the subjects that ask; the bank stays as it is."""
    owners = np.unique(cohort.owners[queries], return_inverse=True)[1]
    return sum_of_each(owners, moves, int(owners.max()) + 1)
