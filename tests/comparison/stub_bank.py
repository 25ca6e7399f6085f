"""A bank of bare vectors, to test comparing without files and networks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from medsiam.bank.case import Case
from medsiam.bank.store import KeptCalibration, Snapshot
from medsiam.errors import BankError
from medsiam.scans.scan import Scan


def make_scan(values=None, **facts) -> Scan:
    """An 8 x 6 image, or one of the given values."""
    array = np.arange(48).reshape(8, 6) if values is None else values
    array = np.asarray(array, dtype=np.float32)
    return Scan(array=array, **{"spatial_dims": 2, **facts})


def make_case(case_id: str, condition: str, patient: str | None, **facts) -> Case:
    known = {
        "proof": "histology",
        "source": "test",
        "licence": "CC0",
        "modality": None,
        "body_part": None,
        "spacing": None,
        "phases": ("",),
        "content_hashes": (f"hash of {case_id}",),
        "added": "2026-01-01T00:00:00+00:00",
    }
    return Case(case_id=case_id, condition=condition, patient=patient, **{**known, **facts})


class LookUpEncoder:
    """Gives the vector that belongs to a scan's first value."""

    def __init__(self, vectors: dict[float, np.ndarray]) -> None:
        self.vectors = vectors

    def embed(self, scans) -> np.ndarray:
        return np.stack([self.vectors[float(scan.array.flat[0])] for scan in scans])


@dataclass(eq=False)
class StubBank:
    """What comparing asks of a bank, and no more."""

    cases: tuple[Case, ...]
    embeddings: np.ndarray
    name: str = "stub"
    path: str = "banks/stub"
    version: int = 1
    spatial_dims: int = 2
    encoder: LookUpEncoder | None = None
    runtime: str = "torch"
    kept: dict[str, tuple[Scan, ...]] = field(default_factory=dict)
    calibrations: tuple[KeptCalibration, ...] = ()
    older: dict[int, Snapshot] = field(default_factory=dict)

    @property
    def encoder_card(self):
        architecture = SimpleNamespace(
            spatial_dims=self.spatial_dims, match_head=False, whitened_domains=0
        )
        return SimpleNamespace(architecture=architecture, fingerprint="f" * 64, name="stub encoder")

    def snapshot(self, version: int | None = None) -> Snapshot:
        if version in self.older:
            return self.older[version]
        assert version in (None, self.version)
        return Snapshot(self.version, self.cases, self.embeddings)

    @property
    def calibration(self) -> KeptCalibration | None:
        return self.calibrations[-1] if self.calibrations else None

    def keep_calibration(self, document: str, *, bank_version: int) -> KeptCalibration:
        number = len(self.calibrations) + 1
        kept = KeptCalibration(number, bank_version, "2026-01-01", None, document)
        self.calibrations += (kept,)
        return kept

    def hash_patient(self, patient_id: str) -> str:
        return hashlib.sha256(f"salt {patient_id}".encode()).hexdigest()[:16]

    def scans(self, case_id: str) -> tuple[Scan, ...]:
        if case_id not in self.kept:
            raise BankError(f"case {case_id}: its scans are not kept")
        return self.kept[case_id]


def make_bank(*rows, embeddings, **facts) -> StubBank:
    """A bank of (case_id, condition, patient) rows; patients are hashed as the bank does it."""
    bank = StubBank((), np.asarray(embeddings, dtype=np.float32), **facts)
    bank.cases = tuple(
        make_case(case_id, condition, patient and bank.hash_patient(patient))
        for case_id, condition, patient in rows
    )
    return bank


def ring_bank(n_patients: int = 12, *, conditions=("A", "B"), seed: int = 0, **facts) -> StubBank:
    """Patients with two cases each; every condition is a cloud of its own in 6 dimensions."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(len(conditions), 6)) * 3
    rows, vectors = [], []
    for patient in range(n_patients):
        own = centres[patient % len(conditions)] + random.normal(size=6) * 0.5
        for visit in range(2):
            name = conditions[patient % len(conditions)]
            rows.append((f"case-{patient:02d}-{visit}", name, f"patient {patient}"))
            vectors.append(own + random.normal(size=6) * 0.1)
    return make_bank(*rows, embeddings=vectors, **facts)
