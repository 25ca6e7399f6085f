"""Remember: reference cases, their embeddings and their history, in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.bank.case import PROOFS as PROOFS
    from medsiam.bank.case import Case as Case
    from medsiam.bank.difference import Difference as Difference
    from medsiam.bank.intake import FailedRow as FailedRow
    from medsiam.bank.intake import Intake as Intake
    from medsiam.bank.intake import add_case_table as add_case_table
    from medsiam.bank.new_case import NewCase as NewCase
    from medsiam.bank.reference_bank import ReferenceBank as ReferenceBank
    from medsiam.bank.store import KeptCalibration as KeptCalibration
    from medsiam.bank.store import Snapshot as Snapshot
    from medsiam.bank.store import Stay as Stay
    from medsiam.bank.store import Version as Version

_HOMES = {
    "PROOFS": ".case",
    "Case": ".case",
    "Difference": ".difference",
    "FailedRow": ".intake",
    "Intake": ".intake",
    "KeptCalibration": ".store",
    "NewCase": ".new_case",
    "ReferenceBank": ".reference_bank",
    "Snapshot": ".store",
    "Stay": ".store",
    "Version": ".store",
    "add_case_table": ".intake",
}

__all__ = [
    "PROOFS",
    "Case",
    "Difference",
    "FailedRow",
    "Intake",
    "KeptCalibration",
    "NewCase",
    "ReferenceBank",
    "Snapshot",
    "Stay",
    "Version",
    "add_case_table",
]

__getattr__ = lazy_names(__name__, _HOMES)
