"""Remember: reference cases, their embeddings and their history, in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.bank.case import PROOFS as PROOFS
    from medsiam.bank.case import Case as Case
    from medsiam.bank.copying import copy_bank as copy_bank
    from medsiam.bank.difference import Difference as Difference
    from medsiam.bank.intake import FailedRow as FailedRow
    from medsiam.bank.intake import Intake as Intake
    from medsiam.bank.intake import add_case_table as add_case_table
    from medsiam.bank.new_case import NewCase as NewCase
    from medsiam.bank.place import is_bank as is_bank
    from medsiam.bank.reference_bank import ReferenceBank as ReferenceBank
    from medsiam.bank.review import ANSWERS as ANSWERS
    from medsiam.bank.review import KINDS as KINDS
    from medsiam.bank.review import NONE_OF_THESE as NONE_OF_THESE
    from medsiam.bank.review import NewReview as NewReview
    from medsiam.bank.review import Review as Review
    from medsiam.bank.review import standing as standing
    from medsiam.bank.review import withdrawals as withdrawals
    from medsiam.bank.review_log import ChainCheck as ChainCheck
    from medsiam.bank.review_log import ReviewLog as ReviewLog
    from medsiam.bank.store import KeptCalibration as KeptCalibration
    from medsiam.bank.store import Snapshot as Snapshot
    from medsiam.bank.store import Stay as Stay
    from medsiam.bank.store import Version as Version
    from medsiam.bank.who import operating_user as operating_user

_HOMES = {
    "ANSWERS": ".review",
    "Case": ".case",
    "ChainCheck": ".review_log",
    "Difference": ".difference",
    "FailedRow": ".intake",
    "Intake": ".intake",
    "KINDS": ".review",
    "KeptCalibration": ".store",
    "NewCase": ".new_case",
    "NONE_OF_THESE": ".review",
    "NewReview": ".review",
    "PROOFS": ".case",
    "ReferenceBank": ".reference_bank",
    "Review": ".review",
    "ReviewLog": ".review_log",
    "Snapshot": ".store",
    "Stay": ".store",
    "Version": ".store",
    "add_case_table": ".intake",
    "copy_bank": ".copying",
    "standing": ".review",
    "withdrawals": ".review",
    "operating_user": ".who",
    "is_bank": ".place",
}

__all__ = [*_HOMES]

__getattr__ = lazy_names(__name__, _HOMES)
