"""Claim: on a bank of 1,000 cases, all that follows the embedding takes at most 20 ms.

A bank of random vectors (1,248 values, as the shipped encoders give), 500 patients, 10 conditions;
calibrated, and not. The first comparison of a process also prepares the bank; it is printed apart.

    python benchmarks/comparison.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import write_result

from medsiam.bank import ReferenceBank
from medsiam.bank.case import Case
from medsiam.bank.store import CaseRecord, ScanFacts
from medsiam.comparison import calibrate, compare_embedding
from medsiam.encoders import load_encoder
from medsiam.scans import Scan

N_CASES, N_PATIENTS, N_CONDITIONS, N_QUERIES = 1000, 500, 10, 100


def make_bank(folder: Path, *, dims: int = 2, pixels: bool = True) -> ReferenceBank:
    """Random vectors for a shipped encoder; the cases have no scans."""
    encoder = load_encoder(f"default-{dims}d")
    bank = ReferenceBank.create(folder / f"bank{dims}", encoder, pixels=pixels)
    random = np.random.default_rng(0)
    d = bank.encoder_card.architecture.embedding_dim
    centres = random.normal(size=(N_CONDITIONS, d))
    records = []
    for i in range(N_CASES):
        code = i % N_PATIENTS % N_CONDITIONS
        vector = centres[code] + 3 * random.normal(size=d)
        case = Case(
            case_id=f"case {i}", condition=f"condition {code}",
            patient=bank.hash_patient(f"p{i % N_PATIENTS}"), proof="none", source="random",
            licence="none", modality=None, body_part=None, spacing=None, phases=("",),
            content_hashes=(f"{i:064x}",), added="2026-01-01T00:00:00+00:00",
        )  # fmt: skip
        facts = ScanFacts(f"{i:064x}", dims, (8,) * dims, None, None, None, None, None, None)
        records.append(
            CaseRecord(case, (facts,), (vector / np.linalg.norm(vector))[None].astype(np.float32))
        )
    bank._store.add(records, encoder_fingerprint=bank.encoder_card.fingerprint)
    return bank


def measure(bank: ReferenceBank, queries: Any, patients: list[str | None]) -> dict[str, float]:
    scan = Scan(array=np.zeros((8, 8), np.float32), spatial_dims=2)
    start = time.perf_counter()
    compare_embedding(queries[0], scan, bank)
    first, seconds = time.perf_counter() - start, []
    for query, patient in zip(queries, patients, strict=True):
        start = time.perf_counter()
        compare_embedding(query, replace(scan, patient_id=patient), bank)
        seconds.append(time.perf_counter() - start)
    return {
        "first_ms": 1000 * first,
        "median_ms": 1000 * float(np.median(seconds)),
        "fastest_ms": 1000 * min(seconds),
        "slowest_ms": 1000 * max(seconds),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bank = make_bank(Path(folder))
        # The mean of several cases: alike, yet not so near that it must be the same patient.
        places = np.arange(N_QUERIES)[:, None] + N_CONDITIONS * np.arange(6)
        queries = bank.embeddings[places].mean(axis=1)
        new = [f"new {i}" for i in range(N_QUERIES)]
        known = [f"p{i}" for i in range(N_QUERIES)]
        figures = {"not calibrated": measure(bank, queries, new)}
        found = calibrate(bank)
        bank.keep_calibration(found.to_json(), bank_version=found.bank_version)
        figures[f"calibrated ({found.metric})"] = measure(bank, queries, new)
        figures["the query's own patient is in the bank"] = measure(bank, queries, known)
    for name, figure in figures.items():
        print(name, {key: round(value, 1) for key, value in figure.items()})
    print(f"written: {write_result('comparison', figures)}", file=sys.stderr)


if __name__ == "__main__":
    main()
