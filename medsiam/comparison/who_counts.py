"""Which cases of the bank may be held against a query: none of its own patient, and no copy.

The query's patient, as far as he is named; this very scan under another name; and cases that may
be of him or show the same picture, though nobody says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medsiam.bank.case import Case
from medsiam.comparison.matching import rank_by_distance
from medsiam.comparison.result import Match
from medsiam.comparison.same_patient import suspiciously_near
from medsiam.comparison.yardstick import Yardstick
from medsiam.errors import BankError
from medsiam.preprocessing.perceptual_hash import picture_hash
from medsiam.scans.scan import Scan

Which = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class WhoCounts:
    """The n cases of a bank, beside one query.

    Attributes:
        keep: (n,) true for cases that count; true at least once.
        own: (n,) of the query's own patient, as far as is known.
        near: (n,) that lie too near to be of another patient.
        copies: (n,) that show the same picture.
        known_as: cases that hold a scan of the query, value by value.
        only_suspects: nothing but suspected cases is there, so that they count after all.
    """

    keep: Which
    own: Which
    near: Which
    copies: Which
    known_as: tuple[Case, ...]
    only_suspects: bool = False


def who_counts(
    distances: NDArray[np.float64],
    scans: Sequence[Scan],
    measured: Yardstick,
    *,
    patient: str | None,
    bank_name: str,
) -> WhoCounts:
    """Tell the cases that count from those that do not.

    Args:
        distances: (n,) from the query to every case.
        scans: of the query, in phase order.
        measured: the bank.
        patient: of the query, hashed; None where unknown.
        bank_name: for the error.

    Raises:
        BankError: all cases are of the query's own patient.
    """
    known_as = _cases_holding(scans, measured.records)
    own = ~_other_patients(measured.records, patient, known_as)
    near = suspiciously_near(distances, ~own, measured.others)
    copies = ~own & measured.pictures.same_as([picture_hash(scan) for scan in scans])
    # All that a suspected patient has is left out, unless nothing else is there.
    patients = measured.cases.patients
    suspected = ~own & np.isin(patients, patients[near | copies])
    found = WhoCounts(~own & ~suspected, own, near & ~copies, copies, known_as)
    if not found.keep.any() and suspected.any():
        found = replace(found, keep=suspected, only_suspects=True)
    if not found.keep.any():
        n = len(own)
        raise BankError(
            f"all {'1 case' if n == 1 else f'{n} cases'} of bank {bank_name} belong to the query's "
            "own patient, who never counts as a match; add cases of other patients"
        )
    return found


def matches_of(
    which: Which, distances: NDArray[np.float64], measured: Yardstick
) -> tuple[Match, ...]:
    """The cases where `which` is true, from near to far."""
    order = rank_by_distance(distances, measured.cases.case_ids)
    return tuple(
        Match(
            rank=number,
            case_id=measured.records[place].case_id,
            condition=measured.records[place].condition,
            patient=measured.records[place].patient,
            distance=float(distances[place]),
        )
        for number, place in enumerate(order[which[order]], start=1)
    )


def _cases_holding(scans: Sequence[Scan], cases: Sequence[Case]) -> tuple[Case, ...]:
    """Cases that hold one of these scans, value by value, under whatever patient."""
    hashes = {scan.content_hash for scan in scans}
    return tuple(case for case in cases if not hashes.isdisjoint(case.content_hashes))


def _other_patients(
    cases: Sequence[Case], patient: str | None, known_as: Sequence[Case]
) -> NDArray[np.bool_]:
    """(n,) true for cases that are surely not of the query's patient, as far as is known."""
    own_patients = {patient, *(case.patient for case in known_as)} - {None}
    own_cases = {case.case_id for case in known_as}
    return np.array(
        [case.patient not in own_patients and case.case_id not in own_cases for case in cases]
    )
