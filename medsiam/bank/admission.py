"""The rules a case must meet beside the cases that a bank already holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from medsiam.bank.case import Case
from medsiam.errors import BankError


@dataclass
class Admission:
    """What is held already, as far as it concerns the cases that ask to come in.

    Attributes:
        phases: of the held cases; None while there is none.
        case_ids: held.
        scan_owners: content hash of a held scan -> case that holds it.
    """

    phases: tuple[str, ...] | None = None
    case_ids: set[str] = field(default_factory=set)
    scan_owners: dict[str, str] = field(default_factory=dict)

    def admit(self, case: Case) -> None:
        """Take the case in, or raise BankError with the reason and leave everything as it was."""
        if case.case_id in self.case_ids:
            raise BankError(
                f"case {case.case_id} is in the bank already; remove it first, or choose another "
                "case_id"
            )
        for content_hash in case.content_hashes:
            if owner := self.scan_owners.get(content_hash):
                raise BankError(
                    f"case {case.case_id}: the same scan is in the bank already, as case {owner}"
                )
        if len(set(case.content_hashes)) < len(case.content_hashes):
            raise BankError(f"case {case.case_id}: two of its phases are the same scan")
        if self.phases is not None:
            check_phases(case.case_id, case.phases, self.phases)
        self.phases = case.phases
        self.case_ids.add(case.case_id)
        self.scan_owners.update(dict.fromkeys(case.content_hashes, case.case_id))


def check_phases(case_id: str, phases: tuple[str, ...], others: tuple[str, ...]) -> None:
    """Raise BankError where a case has other phases than the other cases of its bank."""
    if phases != others:
        raise BankError(
            f"case {case_id} has {_described(phases)}, the other cases have {_described(others)}; "
            "join the scans of one case by a common case_id, or make another bank"
        )


def _described(phases: tuple[str, ...]) -> str:
    if phases == ("",):
        return "one scan without a phase"
    return f"phase{'s' if len(phases) > 1 else ''} {', '.join(phases)}"
