"""What one version of a bank says about its own distances, measured once and kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import CaseArrays, patient_codes
from medsiam.comparison.novelty import MIN_PATIENTS, NearestOthers, nearest_others
from medsiam.distances import shrunk_precision

if TYPE_CHECKING:
    from medsiam.bank import Case, ReferenceBank, Snapshot


@dataclass(frozen=True, eq=False)
class Yardstick:
    """A bank as arrays, with what its metric needs.

    Attributes:
        version: of the bank that was measured.
        records: its cases.
        cases: the same cases as arrays.
        precision: (d, d) for "mahalanobis", else None.
        pooled: whether the precision is that of all cases, because no condition has two.
        others: nearest case of another patient for each case; None below `MIN_PATIENTS`.
    """

    version: int
    records: tuple[Case, ...]
    cases: CaseArrays
    precision: NDArray[np.float64] | None
    pooled: bool
    others: NearestOthers | None


# Banks come and go with their owners; what was measured on them goes with them.
_measured: WeakKeyDictionary[ReferenceBank, dict[str, Yardstick]] = WeakKeyDictionary()


def yardstick(bank: ReferenceBank, snapshot: Snapshot, metric: str) -> Yardstick:
    """Measure one version of a bank with one metric, or take what was measured before.

    Raises:
        UsageError: for "mahalanobis", if the bank's cases are all alike.
    """
    by_metric = _measured.setdefault(bank, {})
    known = by_metric.get(metric)
    if known is None or known.version != snapshot.version:
        known = by_metric[metric] = _measure(snapshot, metric)
    return known


def _measure(snapshot: Snapshot, metric: str) -> Yardstick:
    records = snapshot.cases
    cases = CaseArrays(
        case_ids=np.array([case.case_id for case in records], dtype=np.str_),
        conditions=np.array([case.condition for case in records], dtype=np.str_),
        patients=patient_codes([case.patient for case in records]),
        embeddings=snapshot.embeddings,
    )
    precision, pooled = None, False
    if metric == "mahalanobis":
        pooled = len(np.unique(cases.conditions)) == len(cases)
        precision = shrunk_precision(cases.embeddings, None if pooled else cases.conditions)
    others = None
    if cases.n_patients >= MIN_PATIENTS:
        others = nearest_others(cases, metric=metric, precision=precision)
    return Yardstick(snapshot.version, records, cases, precision, pooled, others)
