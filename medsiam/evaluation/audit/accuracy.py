"""How often a case's condition is found with its patient left out, by each rule of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases
from medsiam.evaluation.audit.neighbours import VOTERS, Neighbours
from medsiam.evaluation.audit.prototypes import PrototypeSpace, prototype_spaces
from medsiam.evaluation.halves import over_halves
from medsiam.evaluation.result import Figure
from medsiam.evaluation.spread import Spread
from medsiam.metrics import majority_accuracy

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]

RULES = ("nearest", "vote", "prototype")
_HALVES = 100  # of the patients; more would take seconds and move no digit that is shown


@dataclass(frozen=True)
class ConditionAccuracy:
    """One condition: how often its cases are given its name.

    Attributes:
        condition: the diagnosis.
        n_cases, n_patients: in the bank.
        by_rule: rule -> share found; None where the condition has one patient only, who is left
            out, so that nothing of it remains to be found.
    """

    condition: str
    n_cases: int
    n_patients: int
    by_rule: dict[str, Figure | None]


@dataclass(frozen=True)
class Accuracy:
    """Leave-one-patient-out accuracy.

    Attributes:
        balanced: rule -> mean over the conditions that have at least two patients; None where
            there is none.
        plain: rule -> every case weighing the same.
        conditions: one by one, in alphabetical order.
    """

    balanced: dict[str, Figure | None]
    plain: dict[str, Figure | None]
    conditions: tuple[ConditionAccuracy, ...]


def measure_accuracy(found: AuditCases, neighbours: Neighbours, *, random_state: int) -> Accuracy:
    """Name every case by the cases of all other patients.

    Intervals are over patients, as those who ask and as references: spread over random halves of
    them (`medsiam.evaluation.halves`). Chance is that of one patient drawn blindly, and 1 /
    conditions for prototypes and for the balanced figures.

    Args:
        found: the cases.
        neighbours: their nearest patients.
        random_state: seed of the halves.
    """
    n_conditions = len(found.names)
    spaces = prototype_spaces(found)
    everyone = np.ones(found.n_patients, dtype=bool)
    asks = found.patients_per_condition[found.labels] > 1
    hits = _hits(found, neighbours, spaces, everyone)

    def figures(drawn: Mask) -> dict[str, float]:
        inside = drawn[found.patients] & asks
        return {
            f"{rule}/{group}": value
            for rule, own in _hits(found, neighbours, spaces, drawn).items()
            for group, value in _means(own, found.labels, inside, n_conditions).items()
        }

    halves = over_halves(figures, found.n_patients, random_state=random_state, n_halves=_HALVES)
    sizes = _Sizes.of(found, asks)
    figure = {
        f"{rule}/{group}": _figure(value, halves[f"{rule}/{group}"], group, rule, sizes)
        for rule, own in hits.items()
        for group, value in _means(own, found.labels, asks, n_conditions).items()
    }
    return Accuracy(
        {rule: figure[f"{rule}/balanced"] for rule in RULES},
        {rule: figure[f"{rule}/plain"] for rule in RULES},
        tuple(
            ConditionAccuracy(
                name,
                int((found.labels == label).sum()),
                int(found.patients_per_condition[label]),
                {rule: figure[f"{rule}/{label}"] for rule in RULES},
            )
            for label, name in enumerate(found.names)
        ),
    )


def _hits(
    found: AuditCases, neighbours: Neighbours, spaces: list[PrototypeSpace], drawn: Mask
) -> dict[str, Floats]:
    """Rule -> (n,) whether each case gets its condition from the drawn patients."""
    present = (neighbours.patients >= 0) & drawn[neighbours.patients]
    place = np.cumsum(present, axis=1)
    own = neighbours.labels == found.labels[:, None]
    nearest = (own & present & (place == 1)).any(axis=1)
    return {
        "nearest": nearest.astype(np.float64),
        "vote": _vote(neighbours, present & (place <= VOTERS), found),
        "prototype": np.concatenate([space.hits(drawn) for space in spaces])[
            np.argsort(np.concatenate([space.queries for space in spaces]))
        ],
    }


def _vote(neighbours: Neighbours, voting: Mask, found: AuditCases) -> Floats:
    """The most frequent condition of the voters; of equal ones, that of the nearest."""
    rows, columns = np.nonzero(voting)
    votes = np.zeros((len(found), len(found.names)))
    first = np.zeros_like(votes)
    labels = neighbours.labels[rows, columns]
    np.add.at(votes, (rows, labels), 1.0)
    np.maximum.at(first, (rows, labels), 0.5 / (1 + columns))
    called = (votes + first).argmax(axis=1)
    hit: Floats = ((called == found.labels) & voting.any(axis=1)).astype(np.float64)
    return hit


def _means(hits: Floats, labels: Codes, inside: Mask, n_conditions: int) -> dict[str, float]:
    """Share of hits of each condition, of their mean, and of all cases; NaN for none."""
    n = np.bincount(labels[inside], minlength=n_conditions)
    sums = np.bincount(labels[inside], weights=hits[inside], minlength=n_conditions)
    shares = np.divide(sums, n, out=np.full(n_conditions, np.nan), where=n > 0)
    some = bool(n.any())
    return {
        "balanced": float(shares[n > 0].mean()) if some else float("nan"),
        "plain": float(sums.sum() / n.sum()) if some else float("nan"),
        **{str(label): float(share) for label, share in enumerate(shares)},
    }


@dataclass(frozen=True, eq=False)
class _Sizes:
    """Group -> cases and patients that ask, chance of a blind draw, and majority."""

    cases: dict[str, int]
    patients: dict[str, int]
    blind: dict[str, float]
    majority: dict[str, float | None]
    n_conditions: int

    @classmethod
    def of(cls, found: AuditCases, asks: Mask) -> _Sizes:
        groups = {str(label): asks & (found.labels == label) for label in range(len(found.names))}
        groups |= {"balanced": asks, "plain": asks}
        n_roles = len(found.role_labels)
        share = (found.patients_per_condition - 1) / max(1, n_roles - 1)
        one = 1 / len(found.names)
        plain = float(share[found.labels[asks]].mean()) if asks.any() else one
        blind = {str(label): float(share[label]) for label in range(len(found.names))}
        majority: dict[str, float | None] = dict.fromkeys(blind)
        return cls(
            {name: int(mask.sum()) for name, mask in groups.items()},
            {name: len(np.unique(found.patients[mask])) for name, mask in groups.items()},
            blind | {"balanced": one, "plain": plain},
            majority | {"balanced": one, "plain": _majority(found.labels[asks])},
            len(found.names),
        )


def _majority(labels: Codes) -> float | None:
    return majority_accuracy(labels) if len(labels) else None


def _figure(value: float, resamples: Floats, group: str, rule: str, sizes: _Sizes) -> Figure | None:
    if not np.isfinite(value):
        return None
    n = sizes.patients[group]
    spread = Spread(value, np.zeros(n), resamples=resamples, n_asked=n)
    chance = 1 / sizes.n_conditions if rule == "prototype" else max(0.0, sizes.blind[group])
    return Figure(value, *spread.interval(), chance, sizes.majority[group], sizes.cases[group], n)
