"""From new cases to records: checked, encoded in batches, their scans kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.bank.admission import Admission
from medsiam.bank.case import Case
from medsiam.bank.new_case import NewCase
from medsiam.bank.patients import hash_patient
from medsiam.bank.store import BankFacts, CaseRecord, CaseStore, ScanFacts
from medsiam.errors import BankError, EncoderMismatchError, MedsiamError, ScanError
from medsiam.scans.faults import ScanWarning
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.encoders import Encoder

Refusal = Callable[[str, MedsiamError], None]
_Outcome = NDArray[np.float32] | MedsiamError

_BATCH = 16  # scans encoded at a time
_FAULT_OF_THE_CASE = (BankError, ScanError, EncoderMismatchError)


def embed_cases(
    new_cases: Iterable[NewCase],
    *,
    store: CaseStore,
    encoder: Encoder,
    keep: Callable[[Scan], str] | None,
    on_refused: Refusal | None = None,
) -> list[CaseRecord]:
    """Return the records to store; `new_cases` is read batch by batch, pixels are let go at once.

    Args:
        new_cases: may be a generator that reads files.
        store: asked whether the bank would take each case, before the work is done.
        encoder: the bank's own.
        keep: keeps a scan and returns the sha256 of what is kept; None where none is kept.
        on_refused: told of each case that cannot be added; without it the first one raises.

    Raises:
        BankError, ScanError, EncoderMismatchError: a case cannot be added.
        OutputError: a scan cannot be kept.
    """
    arrived = Admission()
    records = []
    for batch in _batches(new_cases):
        checked: list[tuple[NewCase, Case]] = []
        for new in batch:
            with _refusing(new.case_id, on_refused):
                checked.append((new, check_new_case(new, store)))
        outcomes = _encode([new.scans for new, _ in checked], encoder)
        for (new, case), outcome in zip(checked, outcomes, strict=True):
            with _refusing(case.case_id, on_refused):
                vectors = _finite(outcome, case)
                arrived.admit(case)
                facts = tuple(_keep(scan, keep) for scan in new.scans)
                records.append(CaseRecord(case, facts, vectors))
    return records


def _keep(scan: Scan, keep: Callable[[Scan], str] | None) -> ScanFacts:
    facts = ScanFacts.of(scan)
    return facts if keep is None else replace(facts, kept_digest=keep(scan))


def _batches(new_cases: Iterable[NewCase]) -> Iterator[list[NewCase]]:
    batch: list[NewCase] = []
    for new in new_cases:
        batch.append(new)
        if sum(len(waiting.scans) for waiting in batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def check_new_case(new: NewCase, store: CaseStore) -> Case:
    """Return the case as the bank would keep it, or raise with the reason why it would not.

    Raises:
        BankError: the bank would refuse it.
    """
    facts = store.facts
    for scan in new.scans:
        if scan.spatial_dims != facts.spatial_dims:
            raise BankError(
                f"case {new.case_id}: its scan is {scan.spatial_dims}D, bank {facts.name} holds "
                f"{facts.spatial_dims}D scans"
            )
    said = _said_of_identity(new)
    if said and not new.pixels_checked_by:
        raise BankError(
            f"case {new.case_id}: {said}; look at it, and if it shows nobody's name, date or face, "
            f"confirm that with --confirm-burned-in {new.case_id} (in Python: pixels_checked_by)"
        )
    case = _describe(new, facts, checked=said is not None)
    store.check(case)
    return case


def _said_of_identity(new: NewCase) -> str | None:
    """Return what a header says of names, dates or a face in the picture; None for nothing."""
    for scan in new.scans:
        for text in scan.warnings:
            if isinstance(text, ScanWarning) and text.code == "shows_identity":
                return text
    return None


def _describe(new: NewCase, facts: BankFacts, *, checked: bool) -> Case:
    first = new.scans[0]
    patient_id = (new.patient_id or "").strip()
    return Case(
        case_id=new.case_id,
        condition=new.condition,
        patient=hash_patient(patient_id, facts.salt) if patient_id else None,
        proof=new.proof,
        source=new.source,
        licence=new.licence,
        modality=first.modality,
        body_part=first.body_part,
        spacing=None if first.spacing is None else tuple(map(float, first.spacing)),
        phases=new.phases,
        content_hashes=tuple(scan.content_hash for scan in new.scans),
        added=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=new.notes,
        site=new.site,
        scanner=new.scanner or first.scanner,
        acquired=new.acquired,
        curator=new.curator,
        pixels_checked_by=new.pixels_checked_by if checked else None,
    )


def _encode(cases: Sequence[tuple[Scan, ...]], encoder: Encoder) -> list[_Outcome]:
    """Return the vectors (n_phases, embedding_dim) of each case, or why it has none."""
    if not cases:
        return []
    try:
        vectors = encoder.embed([scan for scans in cases for scan in scans])
    except _FAULT_OF_THE_CASE as error:
        if len(cases) == 1:
            return [error]
        # One of them spoils the batch: each on its own.
        return [outcome for scans in cases for outcome in _encode([scans], encoder)]
    ends = np.cumsum([len(scans) for scans in cases])
    return list(np.split(vectors, ends[:-1]))


def _finite(outcome: _Outcome, case: Case) -> NDArray[np.float32]:
    if isinstance(outcome, MedsiamError):
        raise outcome
    if not np.isfinite(outcome).all():
        raise BankError(f"case {case.case_id}: its embedding is not finite; look at its values")
    return outcome


@contextmanager
def _refusing(case_id: str, on_refused: Refusal | None) -> Iterator[None]:
    """Report a fault of one case where somebody listens, else let it end the call."""
    try:
        yield
    except _FAULT_OF_THE_CASE as error:
        if on_refused is None:
            raise
        on_refused(case_id, error)
