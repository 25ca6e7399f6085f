"""Cases named by the nearest prototype, for any choice of patients, the own one left out.

Everything comes from inner products that are computed once, so that hundreds of choices cost
little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class PrototypeSpace:
    """The b queries of one space, the r roles of its bank, and their inner products.

    A role's vector is the mean of its cases; a prototype is the mean of its roles' vectors.

    Attributes:
        queries: (b,) positions.
        labels: (b,) their conditions.
        own: (b, c) the query's patient's role in each condition; -1 for none.
        role_labels: (r,) condition of each role.
        role_patients: (r,).
        sizes: (b,) squared length of each query.
        to_roles: (b, r) inner products of queries and roles.
        among: (r, r) inner products of roles.
        metric: "cosine" or "euclidean".
    """

    queries: Codes
    labels: Codes
    own: Codes
    role_labels: Codes
    role_patients: Codes
    sizes: Floats
    to_roles: Floats
    among: Floats
    metric: str

    def hits(self, drawn: NDArray[np.bool_]) -> Floats:
        """(b,) whether the nearest prototype of the drawn patients is the query's condition.

        Args:
            drawn: (n_patients,) who is in the bank.

        Returns:
            1/t where t prototypes are equally near.
        """
        distances = self.distances(drawn)
        lowest = distances.min(axis=1, keepdims=True)
        near = np.isfinite(distances) & (distances <= lowest + _TIE * np.abs(lowest) + _TIE)
        own = near[np.arange(len(self.labels)), self.labels]
        shares: Floats = own / np.maximum(near.sum(axis=1), 1)
        return shares

    def distances(self, drawn: NDArray[np.bool_]) -> Floats:
        """(b, c) cosine or squared Euclidean distances; infinite where nobody is left."""
        n_conditions = self.own.shape[1]
        member = np.zeros((len(self.role_labels), n_conditions))
        inside = drawn[self.role_patients]
        member[np.flatnonzero(inside), self.role_labels[inside]] = 1
        sums = self.to_roles @ member  # of each query and each condition's roles
        to_sum = self.among @ member  # (r, c)
        squares = np.einsum("rc,rc->c", member, to_sum)
        left_out = (self.own >= 0) & inside[self.own]
        role = np.where(left_out, self.own, 0)
        columns = np.arange(n_conditions)[None, :]
        n = member.sum(axis=0)[None, :] - left_out
        dots = sums - left_out * np.take_along_axis(self.to_roles, role, axis=1)
        lengths = squares[None, :] - left_out * (
            2 * to_sum[role, columns] - np.diagonal(self.among)[role]
        )
        return self._measure(dots, np.maximum(lengths, 0.0), n)

    def _measure(self, dots: Floats, lengths: Floats, n: Floats) -> Floats:
        some = np.maximum(n, 1)
        if self.metric == "cosine":
            scale = np.sqrt(self.sizes[:, None] * lengths)
            alike = np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0)
            return np.where(n > 0, 1.0 - alike, np.inf)
        squared = self.sizes[:, None] - 2 * dots / some + lengths / some**2
        return np.where(n > 0, squared, np.inf)


def prototype_spaces(found: AuditCases) -> list[PrototypeSpace]:
    """The inner products of a bank, one space per fold where the metric needs folds."""
    n_roles = len(found.role_labels)
    member = np.zeros((n_roles, len(found)))
    member[found.roles, np.arange(len(found))] = 1
    member /= member.sum(axis=1, keepdims=True)
    own = np.full((found.n_patients, len(found.names)), -1, dtype=np.intp)
    own[found.role_patients, found.role_labels] = np.arange(n_roles)
    spaces = []
    for queries, points in found.spaces():
        means = member @ points
        asking = points[queries]
        spaces.append(
            PrototypeSpace(
                queries,
                found.labels[queries],
                own[found.patients[queries]],
                found.role_labels,
                found.role_patients,
                np.vecdot(asking, asking),
                asking @ means.T,
                means @ means.T,
                found.plain_metric,
            )
        )
    return spaces
