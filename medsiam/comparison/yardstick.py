"""What one version of a bank says about its own distances, measured once and kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medsiam.bank.same_picture import Pictures
from medsiam.comparison.conditions import Prototypes, own_distances, prototypes
from medsiam.comparison.matching import CaseArrays, patient_codes
from medsiam.comparison.novelty import MIN_PATIENTS, NearestOthers, nearest_others
from medsiam.comparison.space import Space, make_space
from medsiam.comparison.strangers import Strangers, nearest_strangers
from medsiam.comparison.twin_head import read_twin_head

if TYPE_CHECKING:
    from medsiam.bank import Case, ReferenceBank, Snapshot


@dataclass(frozen=True, eq=False)
class Yardstick:
    """A bank as arrays, prepared for one metric.

    Attributes:
        version: of the bank that was measured.
        records: its cases.
        cases: the same cases as arrays.
        space: in which distances are taken.
        points: (n, d) the cases in it.
        means: prototypes of all conditions, nobody left out.
        own_distances: how far patients lie from their own prototype.
        others: nearest case of another patient for each case; None below `MIN_PATIENTS`.
        strangers: how near cases of other conditions come; None where nobody knows, as with
            "mahalanobis": these very cases taught the spread, so they lie nearer than a query can.
        pictures: tell the same picture again.
    """

    version: int
    records: tuple[Case, ...]
    cases: CaseArrays
    space: Space
    points: NDArray[np.float64]
    means: Prototypes
    own_distances: NDArray[np.float64]
    others: NearestOthers | None
    strangers: Strangers | None
    pictures: Pictures


# Banks come and go with their owners; what was measured on them goes with them.
_measured: WeakKeyDictionary[ReferenceBank, dict[str, Yardstick]] = WeakKeyDictionary()


def yardstick(bank: ReferenceBank, snapshot: Snapshot, metric: str) -> Yardstick:
    """Measure one version of a bank with one metric, or take what was measured before.

    Raises:
        UsageError: for "mahalanobis", if the bank's cases are all alike; for "match", if its
            encoder has no twin head.
    """
    by_metric = _measured.setdefault(bank, {})
    known = by_metric.get(metric)
    if known is None or known.version != snapshot.version:
        known = by_metric[metric] = _measure(bank, snapshot, metric)
    return known


def case_arrays(snapshot: Snapshot) -> CaseArrays:
    """The cases of a version as columns."""
    records = snapshot.cases
    return CaseArrays(
        case_ids=np.array([case.case_id for case in records], dtype=np.str_),
        conditions=np.array([case.condition for case in records], dtype=np.str_),
        patients=patient_codes([case.patient for case in records]),
        embeddings=snapshot.embeddings,
    )


def _measure(bank: ReferenceBank, snapshot: Snapshot, metric: str) -> Yardstick:
    cases = case_arrays(snapshot)
    space = make_space(
        cases.embeddings, cases.conditions, metric, head=lambda: read_twin_head(bank)
    )
    points = space.points(cases.embeddings)
    means = prototypes(cases)
    others = None
    if cases.n_patients >= MIN_PATIENTS:
        others = nearest_others(cases, points, space)
    return Yardstick(
        version=snapshot.version,
        records=snapshot.cases,
        cases=cases,
        space=space,
        points=points,
        means=means,
        own_distances=own_distances(means, space),
        others=others,
        strangers=None if metric == "mahalanobis" else nearest_strangers(cases, points, space),
        pictures=Pictures.of(snapshot),
    )
