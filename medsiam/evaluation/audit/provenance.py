"""What the records themselves say: proof, licence, readers, patients and sites per condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medsiam.bank import Case

FEW_PATIENTS = 3


@dataclass(frozen=True)
class Provenance:
    """Counts of cases, over the whole bank unless said otherwise.

    Attributes:
        n_cases: in the bank.
        proofs: kind of proof -> cases.
        without_proof, without_licence: case_ids.
        single_reader: share of cases whose proof is one reader's word.
        without_patient: cases that came without patient and group.
        few_patients: condition -> its patients, where they are fewer than three.
    """

    n_cases: int
    proofs: dict[str, int]
    without_proof: tuple[str, ...]
    without_licence: tuple[str, ...]
    single_reader: float
    without_patient: int
    few_patients: dict[str, int]


def read_provenance(cases: Sequence[Case]) -> Provenance:
    """Count what is missing; "none" counts as missing."""
    patients: dict[str, set[object]] = {}
    proofs: dict[str, int] = {}
    for case in cases:
        patients.setdefault(case.condition, set()).add(case.patient or ("alone", case.case_id))
        proofs[case.proof] = proofs.get(case.proof, 0) + 1
    return Provenance(
        n_cases=len(cases),
        proofs=dict(sorted(proofs.items(), key=lambda entry: (-entry[1], entry[0]))),
        without_proof=tuple(case.case_id for case in cases if case.proof == "none"),
        without_licence=tuple(case.case_id for case in cases if (case.licence or "none") == "none"),
        single_reader=proofs.get("single reader", 0) / max(1, len(cases)),
        without_patient=sum(case.patient is None for case in cases),
        few_patients={
            name: len(owners)
            for name, owners in sorted(patients.items())
            if len(owners) < FEW_PATIENTS
        },
    )
