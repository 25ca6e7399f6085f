"""Cases whose label fits least, by three views of all other patients.

Each view gives a margin: how much better some other condition fits than the own one.

- nearest patients: logarithm of the ratio of mean distances to the nearest five patients of both,
  or as many as both have;
- linear fit: ridge regression, leave-one-patient-out in closed form;
- prototypes: logarithm of the ratio of distances to the means of both.

Their sizes cannot be compared, their order can: a case's score is minus the mean logarithm of its
place (as a share of all cases) in the three orders. So a case leads that one view doubts most and
the others doubt too, and none of them alone can hide it. It is not listed where all three speak for
its label. No case is proven wrong by it: it says where to look first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases
from medsiam.evaluation.audit.neighbours import VOTERS, Neighbours
from medsiam.evaluation.audit.prototypes import prototype_spaces

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_FEWEST_SHOWN = 10
_SHARE_SHOWN = 0.05
_TIE = 1e-12  # what rounding can make of two equal distances
_MOST_OF_FIVE = 3
_RARE = 0.15  # share of taken for each other, below which a conflict is a surprise
_MUCH = 1.2  # times as far from the own condition as from the other


@dataclass(frozen=True)
class LabelConflict:
    """One case and what speaks against its label.

    Attributes:
        rank: 1 = fits least.
        case_id, condition: which, and as what it was added.
        looks_like: the other condition whose patients lie nearest.
        score: higher = fits less; comparable within one bank only, and at most log of its cases.
        own_distance, other_distance: mean to the nearest five patients of the two conditions, or
            to as many as both have.
        n_own, n_other: of its five nearest patients, those of the two conditions.
        confused: share of the two conditions' cases that lie nearer to the other one.
        strong: none of its five nearest patients has its condition, at least three have the
            other, it lies a fifth farther from its own, and the two are rarely confused.
    """

    rank: int
    case_id: str
    condition: str
    looks_like: str
    score: float
    own_distance: float
    other_distance: float
    n_own: int
    n_other: int
    confused: float
    strong: bool


def find_label_conflicts(found: AuditCases, neighbours: Neighbours) -> tuple[LabelConflict, ...]:
    """The cases whose labels fit least, worst first.

    Ten, or one in twenty where that is more, and every strong one below them; fewer where no view
    speaks against more. A condition with one patient is left out: with that patient left out
    nothing of it remains.
    """
    own, others = condition_distances(found)
    ratios = _log_ratios(own, others, found.labels)
    rows = np.arange(len(found))
    call = ratios.argmax(axis=1)
    ratio = ratios[rows, call]
    confused = _confusion(ratio, call, found)
    near = neighbours.labels[:, :VOTERS]
    n_own = (near == found.labels[:, None]).sum(axis=1)
    n_other = (near == call[:, None]).sum(axis=1)
    surrounded = (n_own == 0) & (n_other >= _MOST_OF_FIVE)
    strong = surrounded & (ratio >= math.log(_MUCH)) & (confused < _RARE)
    score = label_doubts(found, ratio)
    order = np.argsort(-score, kind="stable")
    listed = (rows < max(_FEWEST_SHOWN, math.ceil(_SHARE_SHOWN * len(found)))) | strong[order]
    return tuple(
        LabelConflict(
            rank,
            str(found.case_ids[i]),
            found.names[found.labels[i]],
            found.names[call[i]],
            float(score[i]),
            float(own[i, call[i]]),
            float(others[i, call[i]]),
            int(n_own[i]),
            int(n_other[i]),
            float(confused[i]),
            bool(strong[i]),
        )
        for rank, i in enumerate(order[listed & (score[order] > 0)], start=1)
    )


def label_doubts(found: AuditCases, ratio: Floats) -> Floats:
    """(n,) how little each label fits, higher = less; 0 where no view speaks against it.

    Also 0 for a condition with one patient, and where there is no other condition.

    Args:
        found: the cases.
        ratio: (n,) the margin by the nearest patients; not finite where it is not known.
    """
    margins = np.stack([ratio, leave_patient_out_margin(found), prototype_margin(found)])
    known = np.isfinite(margins).all(axis=0)
    doubts = np.zeros(len(found))
    if known.any():
        places = np.stack([_places(margin) for margin in margins[:, known]])
        doubts[known] = -np.log(places / known.sum()).mean(axis=0)
    doubts[(margins <= _TIE).all(axis=0)] = 0.0
    return doubts


def _places(margins: Floats) -> Floats:
    """(n,) 1 for the largest; equal ones share the mean of their places."""
    _, group, counts = np.unique(-margins, return_inverse=True, return_counts=True)
    means: Floats = np.cumsum(counts) - (counts - 1) / 2
    return means[group]


def condition_distances(found: AuditCases) -> tuple[Floats, Floats]:
    """Mean distances to the nearest patients of the own condition and of each other.

    Both are over as many patients: five, or as many as either of the two has, because the nearest
    of few lies farther away than the nearest of many.

    Returns:
        (n, c) twice; infinite where one of the two has no other patient.
    """
    sums = np.full((len(found), len(found.names), VOTERS), np.inf)
    for label in range(len(found.names)):
        near = np.sort(found.to_roles[:, found.role_labels == label], axis=1)[:, :VOTERS]
        sums[:, label, : near.shape[1]] = np.cumsum(near, axis=1)
    n = np.isfinite(sums).sum(axis=2)
    rows = np.arange(len(found))
    common = np.minimum(n, n[rows, found.labels][:, None])
    at = np.maximum(common - 1, 0)
    own = np.take_along_axis(sums[rows, found.labels], at, axis=1) / (at + 1)
    others = np.take_along_axis(sums, at[:, :, None], axis=2)[:, :, 0] / (at + 1)
    return np.where(common > 0, own, np.inf), np.where(common > 0, others, np.inf)


def _log_ratios(own: Floats, others: Floats, labels: Codes) -> Floats:
    """(n, c) how much nearer each other condition lies; minus infinity where that is not known."""
    known = np.isfinite(own) & np.isfinite(others)
    known[np.arange(len(labels)), labels] = False
    floor = max(1e-12 * float(np.max(own, initial=0.0, where=known)), 1e-300)
    safe = np.maximum(np.where(known, own, 1.0), floor)
    ratios = np.log(safe / np.maximum(np.where(known, others, 1.0), floor))
    return np.where(known, ratios, -np.inf)


def prototype_margin(found: AuditCases) -> Floats:
    """(n,) logarithm of the distance to the own prototype over that to the nearest other one.

    Prototypes leave the patient out. The squared distance to a mean of n patients is on average
    1 + 1/n times that to the true mean, so it is divided by that: else a case of a condition with
    few patients would always seem far from its own. Not finite where one of the two has nobody.
    """
    everyone = np.ones(found.n_patients, dtype=bool)
    squared = np.empty((len(found), len(found.names)))
    for space in prototype_spaces(found):
        squared[space.queries] = np.maximum(space.distances(everyone), 0.0)
    is_own = np.zeros((found.n_patients, len(found.names)), dtype=bool)
    is_own[found.role_patients, found.role_labels] = True
    left = found.patients_per_condition - is_own[found.patients]
    squared *= np.where(left > 0, left / (left + 1.0), 1.0)
    rows = np.arange(len(found))
    mine = squared[rows, found.labels]
    squared[rows, found.labels] = np.inf
    best = squared.min(axis=1)
    floor = max(1e-12 * float(np.max(mine, initial=0.0, where=np.isfinite(mine))), 1e-300)
    with np.errstate(invalid="ignore"):
        margin: Floats = np.log(np.maximum(mine, floor)) - np.log(np.maximum(best, floor))
    return margin


def _confusion(ratio: Floats, call: Codes, found: AuditCases) -> Floats:
    """(n,) share of cases of a case's two conditions, itself left out, nearer to the other one."""
    n_conditions = len(found.names)
    taken = np.zeros((n_conditions, n_conditions))
    wrong = ratio > 0
    np.add.at(taken, (found.labels[wrong], call[wrong]), 1)
    n = np.bincount(found.labels, minlength=n_conditions)
    both = taken[found.labels, call] - wrong + taken[call, found.labels]
    share: Floats = (both + 0.5) / (n[found.labels] + n[call] + 0.5)
    return np.minimum(share, 1.0)


def leave_patient_out_margin(found: AuditCases) -> Floats:
    """(n,) best other condition's value less the own one's in a ridge fit without the patient.

    Kernel ridge regression on conditions as 0 and 1, every condition weighing the same; with
    A = (K + W^-1)^-1 and residuals e = A y, leaving out the cases P of a patient changes the
    prediction of P to y_P - A_PP^-1 e_P (S. An, W. Liu and S. Venkatesh, "Fast cross-validation
    algorithms for least squares support vector machine and kernel ridge regression", Pattern
    Recognition 40 (2007) 2154-2162).
    """
    x = found.embeddings
    if found.metric == "cosine":
        lengths = np.linalg.norm(x, axis=1, keepdims=True)
        x = np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)
    x = x - x.mean(axis=0)
    kernel = x @ x.T
    scale = float(np.trace(kernel)) / len(x)
    n = np.bincount(found.labels, minlength=len(found.names))[found.labels].astype(np.float64)
    ridge = n * np.mean(1 / n)  # inverse weights of the cases; the weights have mean 1
    inverse = np.linalg.inv(kernel / max(scale, 1e-300) + np.diag(ridge))
    target = np.eye(len(found.names))[found.labels]
    target -= target.mean(axis=0)
    residuals = inverse @ target
    predicted = np.empty_like(target)
    for patient in range(found.n_patients):
        own = np.flatnonzero(found.patients == patient)
        change = np.linalg.solve(inverse[np.ix_(own, own)], residuals[own])
        predicted[own] = target[own] - change
    rows = np.arange(len(found))
    mine = predicted[rows, found.labels]
    predicted[rows, found.labels] = -np.inf
    margin: Floats = predicted.max(axis=1) - mine
    return margin
