"""The cases of a bank as an audit sees them: codes, and distances that leave each patient out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medsiam.bank import Snapshot
from medsiam.comparison.matching import patient_codes
from medsiam.distances import check_metric, pairwise_distances, span_coordinates
from medsiam.errors import NothingToDoError
from medsiam.metrics import spread_of_cases

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_FOLDS = 10  # parts of the patients, each measured with a spread it had no part in
_BLOCK = 100  # queries between two signs of progress


@dataclass(frozen=True, eq=False)
class AuditCases:
    """The n cases of a bank.

    A role is one patient in one condition: mostly the patient himself, but a smear with cells of
    three kinds has three roles.

    Attributes:
        case_ids: (n,).
        names: conditions, sorted.
        labels: (n,) positions in `names`.
        patients: (n,) codes from 0; a case without a patient is one of its own.
        embeddings: (n, d).
        metric: one of `medsiam.distances.METRICS`.
        distances: (n, n) from each case (row) to each other; infinite to its own patient's.
    """

    case_ids: NDArray[np.str_]
    names: tuple[str, ...]
    labels: Codes
    patients: Codes
    embeddings: Floats
    metric: str
    distances: Floats

    @classmethod
    def of(
        cls, snapshot: Snapshot, *, metric: str, advance: Callable[[], None] | None = None
    ) -> AuditCases:
        """Measure all distances of a bank's version.

        Args:
            snapshot: cases and embeddings.
            metric: one of `medsiam.distances.METRICS`; for "mahalanobis" the spread comes from
                patients that the query is none of.
            advance: called after each block of queries, at most `n_blocks` times.

        Raises:
            NothingToDoError: fewer than two patients, so that nothing can be compared.
            UsageError: an unknown metric.
        """
        check_metric(metric)
        patients = patient_codes([case.patient for case in snapshot.cases])
        if len(np.unique(patients)) < 2:
            raise NothingToDoError(
                f"version {snapshot.version} of the bank has cases of "
                f"{len(np.unique(patients))} patients: an audit compares patients and needs at "
                "least two; add cases with `medsiam bank add`"
            )
        names, labels = np.unique([case.condition for case in snapshot.cases], return_inverse=True)
        x = np.asarray(snapshot.embeddings, dtype=np.float64)
        found = cls(
            np.array([case.case_id for case in snapshot.cases], dtype=str),
            tuple(names.tolist()),
            labels,
            patients,
            x,
            metric,
            np.empty((len(x), len(x))),
        )
        for queries, points in found.spaces():
            found.distances[queries] = _blocks(points, queries, found.plain_metric, advance)
        found.distances[patients[:, None] == patients[None, :]] = np.inf
        return found

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_patients(self) -> int:
        """Different patients."""
        return int(self.patients.max(initial=-1)) + 1

    @property
    def plain_metric(self) -> str:
        """The metric within the coordinates of `spaces`."""
        return "euclidean" if self.metric == "mahalanobis" else self.metric

    def spaces(self) -> Iterator[tuple[Codes, Floats]]:
        """Yield queries (b,) and the coordinates (n, d') in which they are compared.

        One space for all queries; for "mahalanobis" one per fold of patients, made round by the
        spread of the others.
        """
        if self.metric != "mahalanobis":
            yield np.arange(len(self)), self.embeddings
            return
        points = span_coordinates(self.embeddings)
        for fold in range(min(_FOLDS, self.n_patients)):
            asks = self.patients % _FOLDS == fold
            precision = spread_of_cases(
                points[~asks], self.labels[~asks], dimensions=self.embeddings.shape[1]
            )
            yield np.flatnonzero(asks), points @ np.linalg.cholesky(precision)

    @cached_property
    def roles(self) -> Codes:
        """(n,) role of each case, codes from 0."""
        codes: Codes = np.unique(
            self.labels * self.n_patients + self.patients, return_inverse=True
        )[1]
        return codes

    @cached_property
    def role_labels(self) -> Codes:
        """(r,) condition of each role."""
        return self.labels[np.unique(self.roles, return_index=True)[1]]

    @cached_property
    def role_patients(self) -> Codes:
        """(r,) patient of each role."""
        return self.patients[np.unique(self.roles, return_index=True)[1]]

    @cached_property
    def to_roles(self) -> Floats:
        """(n, r) distance from each case to the nearest case of each role; infinite to its own."""
        return nearest_of_groups(self.distances, self.roles)

    @cached_property
    def patients_per_condition(self) -> Codes:
        """(c,) patients of each condition."""
        counts: Codes = np.bincount(self.role_labels, minlength=len(self.names))
        return counts


def n_blocks(snapshot: Snapshot, *, metric: str) -> int:
    """How many times `AuditCases.of` tells that it got on, at most."""
    return len(snapshot.cases) // _BLOCK + (_FOLDS if metric == "mahalanobis" else 1)


def nearest_of_groups(distances: Floats, groups: Codes) -> Floats:
    """(b, g) smallest of the distances (b, n) to each group (n,) of columns."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(int(groups.max()) + 1))
    smallest: Floats = np.minimum.reduceat(distances[:, order], starts, axis=1)
    return smallest


def _blocks(
    points: Floats, queries: Codes, metric: str, advance: Callable[[], None] | None
) -> Floats:
    parts = []
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        parts.append(pairwise_distances(points[block], points, metric=metric))
        if advance is not None:
            advance()
    return np.concatenate(parts)
