"""What lies around one case, held or about to be: other patients, its own patient, its copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.in_use import calibration_in_use
from medsiam.comparison.matching import nearest_of_each_patient, rank_by_distance
from medsiam.comparison.result import Match
from medsiam.comparison.same_patient import suspiciously_near
from medsiam.comparison.settings import Settings
from medsiam.comparison.who_counts import matches_of
from medsiam.comparison.yardstick import Yardstick, yardstick
from medsiam.errors import BankError
from medsiam.preprocessing.perceptual_hash import picture_hash

if TYPE_CHECKING:
    from medsiam.bank import NewCase, ReferenceBank, Snapshot

Which = NDArray[np.bool_]


@dataclass(frozen=True)
class Surroundings:
    """Cases around one case, each list from near to far.

    Attributes:
        metric: of the distances.
        others: nearest case of each other patient.
        same_patient: cases that the bank holds of the same patient.
        same_picture: cases that show the same picture, whosever they are.
        too_near: cases of other patients that lie nearer than two patients of this bank do.
    """

    metric: str
    others: tuple[Match, ...] = ()
    same_patient: tuple[Match, ...] = ()
    same_picture: tuple[Match, ...] = ()
    too_near: tuple[Match, ...] = ()


def around_case(
    bank: ReferenceBank, case_id: str, *, k: int = 5, metric: str | None = None
) -> Surroundings:
    """Look around a case that the bank holds.

    Args:
        bank: in its newest version.
        case_id: of the case.
        k: other patients to list.
        metric: None: what the bank's calibration recommends, else cosine.

    Raises:
        BankError: the bank holds no such case.
        UsageError: an unknown metric.
    """
    snapshot = bank.snapshot()
    measured = _measured(bank, snapshot, k, metric)
    row = next((i for i, case in enumerate(snapshot.cases) if case.case_id == case_id), None)
    if row is None:
        raise BankError(f"bank {bank.name} holds no case {case_id}")
    codes = measured.cases.patients
    elsewhere = np.arange(len(codes)) != row
    hashes = snapshot.picture_hashes[row] if snapshot.picture_hashes else ()
    return _around(
        measured.points[row],
        measured,
        own=codes == codes[row],
        copies=measured.pictures.same_as(hashes),
        elsewhere=elsewhere,
        k=k,
    )


def around_new(
    bank: ReferenceBank, new: NewCase, *, k: int = 5, metric: str | None = None
) -> Surroundings:
    """Look around a case before it is added; its scans are embedded with the bank's encoder.

    Args:
        bank: in its newest version; it is not changed.
        new: a case that `bank.check` lets pass.
        k: other patients to list.
        metric: None: what the bank's calibration recommends, else cosine.

    Raises:
        ScanError, EncoderMismatchError: a scan cannot be prepared for the encoder.
        UsageError: an unknown metric.
    """
    snapshot = bank.snapshot()
    embedding = bank.encoder.embed(new.scans)
    if not snapshot.cases:
        return Surroundings(metric or "cosine")
    measured = _measured(bank, snapshot, k, metric)
    named = (new.patient_id or "").strip()
    patient = bank.hash_patient(named) if named else None
    own = np.array([patient is not None and case.patient == patient for case in snapshot.cases])
    return _around(
        measured.space.points(embedding.reshape(1, -1))[0],
        measured,
        own=own,
        copies=measured.pictures.same_as([picture_hash(scan) for scan in new.scans]),
        elsewhere=np.ones(len(own), dtype=bool),
        k=k,
    )


def _measured(bank: ReferenceBank, snapshot: Snapshot, k: int, metric: str | None) -> Yardstick:
    used = calibration_in_use(bank, snapshot, Settings(k, metric, None))
    return yardstick(bank, snapshot, used.metric)


def _around(
    point: NDArray[np.float64],
    measured: Yardstick,
    *,
    own: Which,
    copies: Which,
    elsewhere: Which,
    k: int,
) -> Surroundings:
    distances = measured.space.distances(point[np.newaxis], measured.points)[0]
    order = rank_by_distance(distances, measured.cases.case_ids)
    nearest = nearest_of_each_patient(order[~own[order]], measured.cases.patients)
    listed = np.zeros(len(own), dtype=bool)
    listed[nearest[:k]] = True
    near = suspiciously_near(distances, ~own & elsewhere, measured.others)
    return Surroundings(
        metric=measured.space.metric,
        others=matches_of(listed & elsewhere, distances, measured),
        same_patient=matches_of(own & elsewhere, distances, measured),
        same_picture=matches_of(copies & elsewhere, distances, measured),
        too_near=matches_of(near & ~copies, distances, measured),
    )
