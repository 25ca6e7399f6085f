"""More like this, not like this: the ranking after a reader has marked some of its cases.

Rocchio's feedback (C. Manning et al., Introduction to Information Retrieval, 2008, section 9.1.1):
the query moves towards the cases marked as alike and away from those marked as not alike.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import nearest_of_each_patient, rank_by_distance
from medsiam.comparison.query import query_patient
from medsiam.comparison.result import Match
from medsiam.comparison.who_counts import matches_of, who_counts
from medsiam.comparison.yardstick import Yardstick, yardstick
from medsiam.errors import UsageError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

TOWARDS, AWAY = 0.75, 0.25
NOTE = (
    "ranked again by what you marked: a way to look further, not an answer. Distances are from the "
    "moved query; limit, probability and verdict belong to the query as it was"
)


@dataclass(frozen=True)
class Refinement:
    """The nearest patients after marks.

    Attributes:
        matches: none of the marked patients among them.
        like, unlike: the marked cases, sorted.
        metric: of the distances.
        bank_version: that answered.
        note: what this ranking is not.
    """

    matches: tuple[Match, ...]
    like: tuple[str, ...]
    unlike: tuple[str, ...]
    metric: str
    bank_version: int
    note: str = NOTE


def refine(
    embedding: NDArray[np.floating],
    query_scans: Scan | Sequence[Scan],
    bank: ReferenceBank,
    *,
    like: Collection[str],
    unlike: Collection[str] = (),
    k: int = 5,
    metric: str = "cosine",
    patient_id: str | None = None,
) -> Refinement:
    """Rank again after a reader has marked cases.

    Args:
        embedding: (d,) of the query, as `compare_embedding` takes it.
        query_scans: what was embedded; its own patient and copies never count.
        bank: that holds the marked cases.
        like: case_ids marked "more like this".
        unlike: case_ids marked "not like this".
        k: matches to list.
        metric: of the comparison that was marked.
        patient_id: the query's patient.

    Raises:
        UsageError: nothing marked, a case marked twice, or one that the bank does not hold.
        BankError: see `compare_embedding`.
    """
    chosen = _marked(like, unlike)
    scans = (query_scans,) if isinstance(query_scans, Scan) else tuple(query_scans)
    measured = yardstick(bank, bank.snapshot(), metric)
    rows = {case.case_id: row for row, case in enumerate(measured.records)}
    missing = sorted(chosen - rows.keys())
    if missing:
        raise UsageError(
            f"case {missing[0]} is not in bank {bank.name} any more; compare again and mark anew"
        )
    point = measured.space.points(np.asarray(embedding).reshape(1, -1))
    patient_id = query_patient(scans, patient_id)
    who = who_counts(
        measured.space.distances(point, measured.points)[0],
        scans,
        measured,
        patient=bank.hash_patient(patient_id) if patient_id else None,
        bank_name=bank.name,
    )
    patients = measured.cases.patients
    seen = np.isin(patients, patients[[rows[case_id] for case_id in chosen]])
    moved = _moved(point, measured, [rows[c] for c in like], [rows[c] for c in unlike])
    distances = measured.space.distances(moved, measured.points)[0]
    order = rank_by_distance(distances, measured.cases.case_ids)
    order = order[(who.keep & ~seen)[order]]
    shown = np.zeros(len(distances), dtype=bool)
    shown[nearest_of_each_patient(order, patients)[:k]] = True
    return Refinement(
        matches=matches_of(shown, distances, measured),
        like=tuple(sorted(like)),
        unlike=tuple(sorted(unlike)),
        metric=metric,
        bank_version=measured.version,
    )


def _marked(like: Collection[str], unlike: Collection[str]) -> set[str]:
    if not like and not unlike:
        raise UsageError("nothing is marked; mark a case as alike or as not alike")
    both = sorted(set(like) & set(unlike))
    if both:
        raise UsageError(f"case {both[0]} is marked as alike and as not alike; choose one")
    return {*like, *unlike}


def _moved(
    point: NDArray[np.float64], measured: Yardstick, like: list[int], unlike: list[int]
) -> NDArray[np.float64]:
    """(1, d) the query between itself and the marked cases."""
    moved = point.copy()
    if like:
        moved += TOWARDS * (measured.points[like].mean(axis=0) - point)
    if unlike:
        moved -= AWAY * (measured.points[unlike].mean(axis=0) - point)
    if measured.space.metric == "cosine":
        moved /= max(float(np.linalg.norm(moved)), 1e-12)
    return moved
