"""Cases whose label fits least: nearest to patients of another condition, far from their own.

The score multiplies three pieces of evidence, each from other patients alone:

- how much nearer the nearest five patients of another condition lie than those of the own one, or
  as many as both have (logarithm of the ratio of mean distances);
- how much better a linear fit to all other patients names that condition than the own one
  (ridge regression, leave-one-patient-out in closed form);
- how rarely the two conditions are taken for each other elsewhere in the bank (minus logarithm of
  the share), because a case between two conditions that always overlap is no surprise.

It is 0 where neighbours or fit speak for the label. No case is proven wrong by it: it says where
to look first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases
from medsiam.evaluation.audit.neighbours import VOTERS, Neighbours

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_SHOWN = 10
_MOST_OF_FIVE = 3
_RARE = 0.15  # share of taken for each other, below which a conflict is a surprise
_MUCH = 1.2  # times as far from the own condition as from the other


@dataclass(frozen=True)
class LabelConflict:
    """One case and what speaks against its label.

    Attributes:
        rank: 1 = fits least.
        case_id, condition: which, and as what it was added.
        looks_like: the condition that its neighbours have.
        score: higher = fits less; comparable within one bank only.
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
    """The ten cases whose labels fit least, worst first; fewer where fewer have a score above 0.

    A condition with one patient is left out: with that patient left out nothing of it remains.
    """
    own, others = condition_distances(found)
    ratios = _log_ratios(own, others)
    rows = np.arange(len(found))
    ratios[rows, found.labels] = 0.0
    call = ratios.argmax(axis=1)
    ratio = ratios[rows, call]
    confused = _confusion(ratio, call, found)
    fit = leave_patient_out_margin(found)
    score = np.maximum(ratio, 0.0) * np.maximum(fit, 0.0) * -np.log(confused)
    order = [int(i) for i in np.argsort(-score, kind="stable")[:_SHOWN] if score[i] > 0]
    near = neighbours.labels[:, :VOTERS]
    conflicts = []
    for rank, i in enumerate(order, start=1):
        n_own = int((near[i] == found.labels[i]).sum())
        n_other = int((near[i] == call[i]).sum())
        conflicts.append(
            LabelConflict(
                rank,
                str(found.case_ids[i]),
                found.names[found.labels[i]],
                found.names[call[i]],
                float(score[i]),
                float(own[i, call[i]]),
                float(others[i, call[i]]),
                n_own,
                n_other,
                float(confused[i]),
                _is_strong(n_own, n_other, float(ratio[i]), float(confused[i])),
            )
        )
    return tuple(conflicts)


def _is_strong(n_own: int, n_other: int, ratio: float, confused: float) -> bool:
    surrounded = n_own == 0 and n_other >= _MOST_OF_FIVE
    return surrounded and ratio >= math.log(_MUCH) and confused < _RARE


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


def _log_ratios(own: Floats, others: Floats) -> Floats:
    """(n, c) how much nearer the other condition lies; 0 where that is not known."""
    known = np.isfinite(own) & np.isfinite(others) & (own > 0)
    floor = 1e-12 * float(np.max(own, initial=1e-300, where=known))
    safe = np.where(known, own, 1.0) / np.where(known, np.maximum(others, floor), 1.0)
    ratios: Floats = np.log(safe)
    return ratios


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
