"""Small cases, scans and records for the tests of the bank."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medsiam.bank.case import Case
from medsiam.bank.review import NewReview
from medsiam.bank.sql_store import SqlStore
from medsiam.bank.sqlite_store import SqliteStore
from medsiam.bank.store import BankFacts, CaseRecord, ScanFacts

if TYPE_CHECKING:
    from medsiam.scans.scan import Scan

DIM = 4
FINGERPRINT = "a1" * 32
FACTS = BankFacts(
    name="sample bank",
    salt=bytes(range(32)),
    encoder_fingerprint=FINGERPRINT,
    encoder_name="sample encoder",
    embedding_dim=DIM,
    spatial_dims=2,
    created="2026-01-02T03:04:05+00:00",
)


def content_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def vector_of(case_id: str, phase: str = "") -> np.ndarray:
    """A vector that tells whose it is."""
    seed = int(content_hash(f"{case_id}/{phase}")[:8], 16)
    return np.random.default_rng(seed).normal(size=DIM).astype(np.float32)


def make_record(
    case_id: str,
    *,
    condition: str = "LAM",
    patient: str | None = "p" * 16,
    phases: tuple[str, ...] = ("",),
    hashes: tuple[str, ...] | None = None,
) -> CaseRecord:
    hashes = hashes or tuple(content_hash(f"{case_id}/{phase}") for phase in phases)
    scans = tuple(
        ScanFacts(h, 2, (3, 5), None, (0.1, 1 / 3), "CR", "CHEST", (40.0, 400.0), "MONOCHROME2")
        for h in hashes
    )
    case = Case(
        case_id=case_id,
        condition=condition,
        patient=patient,
        proof="histology",
        source="somewhere",
        licence="CC BY 4.0",
        modality="CR",
        body_part="CHEST",
        spacing=(0.1, 1 / 3),
        phases=phases,
        content_hashes=hashes,
        added="2026-01-02T03:04:05+00:00",
        notes=None,
    )
    return CaseRecord(case, scans, np.stack([vector_of(case_id, phase) for phase in phases]))


def make_store(folder: Path) -> SqliteStore:
    return SqliteStore.create(folder / "bank.sqlite", FACTS)


def open_store(address: str) -> SqlStore:
    """Open a store of either kind: a file's path, or an address."""
    if address.endswith(".sqlite"):
        return SqliteStore.open(Path(address))
    from medsiam.bank.place import bank_place

    return bank_place(address).open_store()


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    """Start one of the processes beside this file."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.bank.{module}", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def add(store: SqlStore, *case_ids: str, **facts) -> int:
    records = [make_record(case_id, **facts) for case_id in case_ids]
    return store.add(records, encoder_fingerprint=FINGERPRINT).version


def make_image(
    seed: int, *, patient_id: str | None = None, size: tuple[int, int] = (20, 24)
) -> Scan:
    """A 2D scan with whole grey values, as from a PNG."""
    from medsiam.scans.scan import Scan  # not above: a writer process starts quicker without

    values = np.random.default_rng(seed).integers(0, 256, size).astype(np.float32)
    return Scan(array=values, spatial_dims=2, patient_id=patient_id)


def make_volume(seed: int, *, affine: np.ndarray | None = None, **facts) -> Scan:
    from medsiam.scans.scan import Scan

    values = np.random.default_rng(seed).normal(size=(6, 5, 4)).astype(np.float32)
    return Scan(array=values, spatial_dims=3, affine=affine, **facts)


def make_review(reader: str = "ada", **said) -> NewReview:
    """A verdict on a case that the bank need not hold."""
    known = {
        "study": content_hash("a study"),
        "bank_version": 0,
        "encoder_fingerprint": FINGERPRINT,
        "answer": "plausible",
        "case_id": "a",
        "condition": "LAM",
        "distance": 0.1,
        "rank": 1,
    }
    return NewReview(reader=reader, **{**known, **said})
