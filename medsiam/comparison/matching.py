"""Rank the cases of a bank by their distance to one query, on plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CaseArrays:
    """The cases of a bank as columns of equal length n.

    Attributes:
        case_ids: (n,) strings, unique.
        conditions: (n,) strings.
        patients: (n,) whole numbers; the same number means the same patient.
        embeddings: (n, d).
    """

    case_ids: NDArray[np.str_]
    conditions: NDArray[np.str_]
    patients: NDArray[np.intp]
    embeddings: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.case_ids)

    @property
    def n_patients(self) -> int:
        """Number of different patients."""
        return len(np.unique(self.patients))

    def only(self, keep: NDArray[np.bool_]) -> CaseArrays:
        """The cases where `keep`, of shape (n,), is true."""
        if keep.all():
            return self
        return CaseArrays(
            self.case_ids[keep], self.conditions[keep], self.patients[keep], self.embeddings[keep]
        )


def patient_codes(patients: Sequence[str | None]) -> NDArray[np.intp]:
    """Number the patients in order of appearance; a case without a patient is one of its own.

    Args:
        patients: one (hashed) patient per case.

    Returns:
        (n,) codes from 0 without gaps.
    """
    codes: dict[str | int, int] = {}
    keys = (row if patient is None else patient for row, patient in enumerate(patients))
    return np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.intp)


def rank_by_distance(
    distances: NDArray[np.floating], case_ids: NDArray[np.str_]
) -> NDArray[np.intp]:
    """Positions of the cases from near to far; equal distances in order of their case_id.

    Args:
        distances: (n,) to the query, lower = closer.
        case_ids: (n,).
    """
    return np.lexsort((case_ids, distances))


def nearest_of_each_patient(
    order: NDArray[np.intp], patients: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Keep each patient's first position of an order.

    Args:
        order: positions from near to far, as `rank_by_distance` gives them.
        patients: (n,) codes.

    Returns:
        (number of patients,) positions from near to far: the nearest case of every patient.
    """
    _, first = np.unique(patients[order], return_index=True)
    return order[np.sort(first)]
