"""How far a scan lies from a pool of normals: a severity, and between two dates a change.

The median distance to a pool of normal cases followed expert severity grades of retinopathy and of
arthritis, also within patients over time (M. D. Li et al., "Siamese neural networks for continuous
disease severity evaluation and change detection in medical imaging", npj Digital Medicine 3
(2020) 48).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.who_counts import who_counts
from medsiam.comparison.yardstick import yardstick
from medsiam.errors import UsageError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

Floats = NDArray[np.float64]

MIN_PATIENTS = 5
_MOST_ASKING = 300


@dataclass(frozen=True)
class PoolDistance:
    """A scan against a pool.

    Attributes:
        condition: the pool is all of its patients in the bank.
        distance: median distance to them, each by his nearest case.
        percentile: share of the pool's own cases, each against the other patients, that lie
            nearer, in percent.
        n_patients: in the pool.
        metric: of the distance.
        earlier_distance: the same for an earlier scan of the patient; None where none was given.
        change: distance less the earlier one; above 0, the scan has moved away from the pool.
    """

    condition: str
    distance: float
    percentile: float
    n_patients: int
    metric: str
    earlier_distance: float | None = None
    change: float | None = None

    @property
    def text(self) -> str:
        """The answer in one sentence."""
        said = (
            f"Median {self.metric} distance to {self.n_patients} patients with {self.condition}: "
            f"{self.distance:.3g}, farther than {self.percentile:.0f} of 100 of these patients' "
            "own cases"
        )
        if self.change is None:
            return f"{said}."
        way = "away from" if self.change > 0 else "towards"
        return (
            f"{said}; the earlier scan lay at {self.earlier_distance:.3g}: "
            f"{abs(self.change):.3g} {way} the pool since."
        )


def pool_distance(  # noqa: PLR0913 - two dates, each with its scans
    embedding: NDArray[np.floating],
    bank: ReferenceBank,
    condition: str,
    *,
    scans: Sequence[Scan] = (),
    metric: str = "cosine",
    patient_id: str | None = None,
    earlier: NDArray[np.floating] | None = None,
    earlier_scans: Sequence[Scan] = (),
    version: int | None = None,
) -> PoolDistance:
    """Measure a scan against all patients of one condition.

    Args:
        embedding: (d,) of the query.
        bank: holds the pool.
        condition: of the pool.
        scans: what was embedded, so that the same scan under another name does not count.
        metric: one of `COMPARISON_METRICS`; "mahalanobis" is replaced by cosine, because the pool
            taught the spread and so lies nearer than any query can.
        patient_id: the query's patient, whose own cases never count; nor do those that lie too
            near to be of another patient.
        earlier: (d,) of an earlier scan of the same patient.
        earlier_scans: what was embedded for it.
        version: of the bank; None: the newest.

    Raises:
        UsageError: no such condition, or fewer than five other patients of it.
        BankError: all cases of the bank are of the query's own patient.
    """
    if metric == "mahalanobis":
        metric = "cosine"
    snapshot = bank.snapshot(version)
    measured = yardstick(bank, snapshot, metric)
    asked = (
        [(embedding, scans)] if earlier is None else [(embedding, scans), (earlier, earlier_scans)]
    )
    queries = measured.space.points(np.stack([np.asarray(e).reshape(-1) for e, _ in asked]))
    own = bank.hash_patient(patient_id) if patient_id else None
    pool = measured.cases.conditions == condition
    to_all = measured.space.distances(queries, measured.points)
    for distances, (_, held) in zip(to_all, asked, strict=True):
        who = who_counts(distances, held, measured, patient=own, bank_name=bank.name)
        pool &= who.keep & (not who.only_suspects)
    cases, points = measured.cases.only(pool), measured.points[pool]
    if not pool.any() or cases.n_patients < MIN_PATIENTS:
        n = cases.n_patients if pool.any() else 0
        raise UsageError(
            f"a pool needs at least {MIN_PATIENTS} patients, and bank {bank.name} holds {n} "
            f"others with condition {condition!r}; its conditions are "
            f"{', '.join(snapshot.conditions)}"
        )
    medians = _medians(to_all[:, pool], cases)
    rows = np.unique(np.linspace(0, len(cases) - 1, _MOST_ASKING).astype(np.intp))
    among = measured.space.distances(points[rows], points)
    among[cases.patients[rows, None] == cases.patients] = np.inf
    own_medians = _medians(among, cases)
    distance = float(medians[0])
    before = None if earlier is None else float(medians[1])
    return PoolDistance(
        condition=condition,
        distance=distance,
        percentile=float(100 * np.mean(own_medians < distance)),
        n_patients=cases.n_patients,
        metric=metric,
        earlier_distance=before,
        change=None if before is None else distance - before,
    )


def _medians(distances: Floats, cases: CaseArrays) -> Floats:
    """(m,) median over patients of the distance to each one's nearest case; infinite: left out."""
    codes = np.unique(cases.patients, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(int(codes.max()) + 1))
    by_patient = np.minimum.reduceat(distances[:, order], starts, axis=1)
    return np.asarray(np.nanmedian(np.where(np.isfinite(by_patient), by_patient, np.nan), axis=1))
