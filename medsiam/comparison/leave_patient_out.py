"""Every case of a bank as a query that the bank, without the case's own patient, answers.

What a bank can say about itself: each distance here is one that a new patient would have met.
Leaving a condition out too needs no further distances: its column is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.conditions import Prototypes, prototypes
from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.space import Space, TwinHead, make_space
from medsiam.distances import span_coordinates
from medsiam.errors import UsageError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

# More queries make the figures no better known; larger banks ask with evenly spread cases.
MAX_ASKING = 2000
# Patients of a condition whose distances count: one alone may be a chance likeness.
NEAREST_PATIENTS = 3
N_MATCHES = 5  # what a comparison lists unless asked for more
_FOLDS = 10  # groups of patients, each measured in a space that it had no part in
_CELLS_AT_ONCE = 2_000_000  # distances held in memory at a time (16 MB)


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Distances of m asking cases to c conditions, their own patients left out.

    Attributes:
        conditions: c names, in alphabetical order.
        rows: (m,) positions of the asking cases in the bank.
        truth: (m,) position of their condition.
        patients: (m,) codes of their patients.
        nearest: (m, c, 3) distances to the nearest patients of each condition, from near to far;
            infinite where the condition has fewer.
        to_prototype: (m, c) distance to the mean of the condition's patients; infinite where
            the condition has no other patient.
        matches: (m, 5) condition of the nearest case of each of the nearest patients, from near
            to far; -1 where there are fewer.
        match_distances: (m, 5) to them; infinite where there are fewer.
    """

    conditions: tuple[str, ...]
    rows: Codes
    truth: Codes
    patients: Codes
    nearest: Floats
    to_prototype: Floats
    matches: Codes
    match_distances: Floats

    @property
    def weights(self) -> Floats:
        """(m,) every patient counts 1, however many of his cases ask."""
        counts = np.bincount(self.patients)
        weights: Floats = 1.0 / counts[self.patients]
        return weights

    @property
    def answerable(self) -> NDArray[np.bool_]:
        """(m,) whether another patient of the bank has the case's condition."""
        own = self.nearest[np.arange(len(self.truth)), self.truth, 0]
        return np.asarray(np.isfinite(own))

    def only(self, keep: NDArray[np.bool_]) -> LeftOut:
        """The asking cases where `keep`, of shape (m,), is true."""
        return replace(
            self,
            rows=self.rows[keep],
            truth=self.truth[keep],
            patients=self.patients[keep],
            nearest=self.nearest[keep],
            to_prototype=self.to_prototype[keep],
            matches=self.matches[keep],
            match_distances=self.match_distances[keep],
        )


def leave_patients_out(
    cases: CaseArrays, *, metric: str, head: Callable[[], TwinHead] | None = None
) -> LeftOut:
    """Measure a bank by its own cases.

    Args:
        cases: the bank, of at least two patients.
        metric: one of `medsiam.comparison.space.COMPARISON_METRICS`; for "mahalanobis" the spread
            is learned from other patients than those who ask.
        head: gives the encoder's twin head, for "match".

    Raises:
        UsageError: a bank of one patient, or a metric that cannot be used on it.
    """
    if cases.n_patients < 2:
        raise UsageError("a bank of one patient cannot be measured: add cases of others")
    n = len(cases)
    asking = np.unique(np.linspace(0, n - 1, min(n, MAX_ASKING)).astype(np.intp))
    names, codes = np.unique(cases.conditions, return_inverse=True)
    shape = (len(asking), len(names))
    nearest, to_prototype = np.empty((*shape, NEAREST_PATIENTS)), np.empty(shape)
    matches = np.empty((len(asking), N_MATCHES), dtype=np.intp)
    match_distances = np.empty(matches.shape)
    for bank, places, space in _spaces(cases, asking, metric, head):
        found = prototypes(bank)
        points = space.points(bank.embeddings)
        step = max(1, _CELLS_AT_ONCE // n)
        for start in range(0, len(places), step):
            part = places[start : start + step]
            rows = asking[part]
            distances = space.distances(points[rows], points)
            distances[bank.patients[rows, None] == bank.patients] = np.inf
            by_patient = patient_minima(distances, found)
            nearest[part] = nearest_patients(by_patient, found)
            matches[part], match_distances[part] = _nearest_matches(by_patient, found)
        to_prototype[places] = _to_prototypes(bank, found, space, points, asking[places])
    return LeftOut(
        conditions=tuple(names.tolist()),
        rows=asking,
        truth=codes[asking],
        patients=cases.patients[asking],
        nearest=nearest,
        to_prototype=to_prototype,
        matches=matches,
        match_distances=match_distances,
    )


def patient_minima(distances: Floats, found: Prototypes) -> Floats:
    """Distances to the patients of each condition, each by his nearest case.

    Args:
        distances: (m, n) to every case; infinite for a case that does not count.
        found: prototypes of the n cases.

    Returns:
        (m, g) in the order of `found.condition_of` and `found.patient_of`.
    """
    order = np.argsort(found.group_of_case, kind="stable")
    starts = np.searchsorted(found.group_of_case[order], np.arange(len(found.condition_of)))
    return np.asarray(np.minimum.reduceat(distances[:, order], starts, axis=1))


def nearest_patients(by_patient: Floats, found: Prototypes) -> Floats:
    """Distances to the nearest patients of each condition.

    Args:
        by_patient: (m, g) of `patient_minima`.
        found: the prototypes.

    Returns:
        (m, c, 3), from near to far; infinite where a condition has fewer patients.
    """
    nearest = np.full((len(by_patient), len(found.conditions), NEAREST_PATIENTS), np.inf)
    for code in range(len(found.conditions)):
        own = by_patient[:, found.condition_of == code]
        places = min(NEAREST_PATIENTS, own.shape[1])
        if own.shape[1] > places:
            own = np.partition(own, places - 1, axis=1)[:, :places]
        nearest[:, code, :places] = np.sort(own, axis=1)
    return nearest


def _nearest_matches(by_patient: Floats, found: Prototypes) -> tuple[Codes, Floats]:
    """(m, 5) conditions of and distances to the nearest patients, each listed once."""
    distances = by_patient.copy()
    for patient in np.flatnonzero(np.bincount(found.patient_of) > 1):  # of several conditions
        own = np.flatnonzero(found.patient_of == patient)
        further = np.arange(len(own)) != distances[:, own].argmin(axis=1)[:, None]
        distances[:, own] = np.where(further, np.inf, distances[:, own])
    order = np.argsort(distances, axis=1, kind="stable")[:, :N_MATCHES]
    there = np.take_along_axis(distances, order, axis=1)
    short = N_MATCHES - order.shape[1]
    codes = np.where(np.isfinite(there), found.condition_of[order], -1)
    return (
        np.pad(codes, ((0, 0), (0, short)), constant_values=-1),
        np.pad(there, ((0, 0), (0, short)), constant_values=np.inf),
    )


def mean_nearest(nearest: Floats) -> Floats:
    """(m, c) mean distance to the three nearest patients, or to all where there are fewer."""
    there = np.isfinite(nearest)
    sums, counts = np.where(there, nearest, 0.0).sum(axis=2), there.sum(axis=2)
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    return means


def nearest_three(nearest: Floats) -> Floats:
    """(m,) mean distance to the nearest three patients of whatever condition.

    How far off an input is: another organ, another modality, a blank image. On cells, chest films
    and ultrasound it told these better than the nearest case, the nearest prototype or the
    distance to the bank's mean (docs/calibration.md).

    Args:
        nearest: (m, c, 3) distances to the nearest patients of each condition.
    """
    flat = nearest.reshape(len(nearest), 1, -1)
    return np.asarray(mean_nearest(np.sort(flat, axis=2)[:, :, :3])[:, 0])


def _spaces(
    cases: CaseArrays, asking: Codes, metric: str, head: Callable[[], TwinHead] | None
) -> Iterator[tuple[CaseArrays, Codes, Space]]:
    """The bank, the places among those asking, and the space in which they ask."""
    if metric != "mahalanobis":
        space = make_space(cases.embeddings, cases.conditions, metric, head=head)
        yield cases, np.arange(len(asking)), space
        return
    dimensions = cases.embeddings.shape[1]
    cases = replace(cases, embeddings=span_coordinates(cases.embeddings))
    fold_of = np.unique(cases.patients, return_inverse=True)[1] % _FOLDS
    for fold in np.unique(fold_of[asking]):
        others = cases.only(fold_of != fold)
        root = make_space(others.embeddings, others.conditions, metric, dimensions=dimensions).root
        if root is None:
            raise ValueError("mahalanobis has a root")
        # Moved by it, cases and their means lie where the distance is the Euclidean one. A matrix
        # product may differ in the last digit from what a query meets, which no figure shows.
        moved = replace(cases, embeddings=cases.embeddings @ root.T)
        yield moved, np.flatnonzero(fold_of[asking] == fold), Space("euclidean")


def _to_prototypes(
    cases: CaseArrays, found: Prototypes, space: Space, points: Floats, rows: Codes
) -> Floats:
    """(m, c) distances of the cases at `rows` to prototypes without their own patients."""
    distances = space.distances(points[rows], space.points(found.centres))
    counts = np.bincount(found.condition_of)[found.condition_of]
    # The mean of the others, in closed form; a patient who is alone leaves nothing.
    others = np.maximum(counts - 1, 1)[:, None]
    sums = found.centres[found.condition_of] * counts[:, None] - found.patient_means
    without = space.points(sums / others)
    for group, (patient, code) in enumerate(zip(found.patient_of, found.condition_of, strict=True)):
        own = np.flatnonzero(cases.patients[rows] == patient)
        if counts[group] == 1:
            distances[own, code] = np.inf
        elif len(own):
            repeated = np.broadcast_to(without[group], (len(own), without.shape[1]))
            distances[own, code] = space.of_rows(points[rows[own]], repeated)
    return distances
