"""What the leading condition rests on, patient by patient, and the nearest case against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.combined import Combined
from medsiam.comparison.conditions import Prototypes
from medsiam.comparison.leave_patient_out import nearest_patients
from medsiam.comparison.result import Rule
from medsiam.comparison.space import Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CounterExample:
    """The nearest case of another condition than the leading one."""

    case_id: str
    condition: str
    distance: float


@dataclass(frozen=True)
class Evidence:
    """The leading condition with each of its patients left out in turn (the jackknife).

    Attributes:
        condition: the leading one.
        n_patients: of it.
        n_deciding: patients without whom another condition would lead, or none would be left.
        deciding_case_ids: nearest case of each of these.
        distance_range: nearest distance of the condition, least and most; None with one patient.
        probability_range: its probability, least and most; None where there is none.
        counter_example: None in a bank with one condition.
    """

    condition: str
    n_patients: int
    n_deciding: int
    deciding_case_ids: tuple[str, ...]
    distance_range: tuple[float, float] | None
    probability_range: tuple[float, float] | None
    counter_example: CounterExample | None

    @property
    def hangs_on_one_case(self) -> bool:
        """Whether leaving one patient out changes the leading condition."""
        return self.n_deciding > 0


@dataclass(frozen=True, eq=False)
class Standing:
    """One query among the conditions, as arrays.

    Attributes:
        means: prototypes of the patients that count.
        by_patient: (g,) distance to each patient of each condition, by his nearest case.
        case_ids: (g,) that nearest case.
        to_prototype: (c,).
        k: patients that vote.
    """

    means: Prototypes
    by_patient: Floats
    case_ids: NDArray[np.str_]
    to_prototype: Floats
    k: int


def jackknife(
    standing: Standing,
    leading: str,
    query: Floats,
    space: Space,
    *,
    rule: Rule,
    combined: Combined | None,
) -> Evidence:
    """Leave each patient of the leading condition out and see what leads then.

    Args:
        standing: of the query.
        leading: condition that leads with everybody in.
        query: (d,) point of the query in `space`.
        space: in which distances are taken.
        rule: that ranks the conditions.
        combined: of the bank's calibration; None where it has none.
    """
    means = standing.means
    code = means.conditions.index(leading)
    own = np.flatnonzero(means.condition_of == code)
    without = np.repeat(standing.by_patient[None], len(own), axis=0)
    without[np.arange(len(own)), own] = np.inf
    nearest = nearest_patients(without, means)
    to_prototype = np.repeat(standing.to_prototype[None], len(own), axis=0)
    to_prototype[:, code] = np.inf
    if len(own) > 1:
        sums = means.centres[code] * len(own) - means.patient_means[own]
        moved = space.points(sums / (len(own) - 1))
        to_prototype[:, code] = space.distances(query[None], moved)[0]
    probabilities = None
    scores = nearest[:, :, 0]
    if combined is not None:
        distances = combined.distances(nearest, to_prototype)
        probabilities = combined.probabilities(distances)[:, code]
        scores = distances if rule == "combined" else scores
    if rule == "prototype":
        scores = to_prototype
    leaders = _vote(without, means, standing.k) if rule == "vote" else scores.argmin(axis=1)
    deciding = own[leaders != code] if len(own) > 1 else own
    several = len(own) > 1
    return Evidence(
        condition=leading,
        n_patients=len(own),
        n_deciding=len(deciding),
        deciding_case_ids=tuple(standing.case_ids[deciding].tolist()),
        distance_range=_range(nearest[:, code, 0]) if several else None,
        probability_range=_range(probabilities) if several and probabilities is not None else None,
        counter_example=_counter_example(standing, code),
    )


def _vote(by_patient: Floats, means: Prototypes, k: int) -> NDArray[np.intp]:
    """(m,) condition with most of the k nearest patients; of equal ones, the nearest."""
    order = np.argsort(by_patient, axis=1, kind="stable")[:, :k]
    codes = np.arange(len(means.conditions))
    there = np.isfinite(np.take_along_axis(by_patient, order, axis=1))
    votes = ((means.condition_of[order][:, :, None] == codes) & there[:, :, None]).sum(axis=1)
    near = nearest_patients(by_patient, means)[:, :, 0]
    place = np.argsort(np.argsort(near, axis=1, kind="stable"), axis=1)
    return np.asarray((votes - place / (len(codes) + 1)).argmax(axis=1))


def _counter_example(standing: Standing, code: int) -> CounterExample | None:
    others = np.where(standing.means.condition_of == code, np.inf, standing.by_patient)
    if not np.isfinite(others).any():
        return None
    place = int(others.argmin())
    return CounterExample(
        case_id=str(standing.case_ids[place]),
        condition=standing.means.conditions[int(standing.means.condition_of[place])],
        distance=float(others[place]),
    )


def _range(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())
