"""Claim: a bank answers as fast as one matrix product over its vectors, from 1,000 to 1,000,000.

Random vectors of 512 values, five per patient, 10 conditions, k = 10. One warm process asks, in
interleaved rounds: `compare_embedding` (all that follows the embedding: distances, ranked patients
and conditions, verdict), one bare NumPy matrix product of the query and all vectors, and faiss
IndexFlat where it is installed (it is no dependency). Also: opening the bank against reading its
bytes, and memory against the vectors.

    python benchmarks/search.py [--cases 1000 100000 1000000]

1,000,000 cases take some 12 GB of disk and 8 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from machine import write_result

from medsiam.bank import ReferenceBank
from medsiam.bank.case import Case
from medsiam.bank.store import CaseRecord, ScanFacts
from medsiam.comparison import compare_embedding
from medsiam.encoders import Architecture, new_encoder
from medsiam.preprocessing import Recipe
from medsiam.scans import Scan

DIM, K, PART = 512, 10, 20_000
QUICK = bool(os.environ.get("QUICK"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [1000, 20_000] if QUICK else [1000, 100_000, 1_000_000]
    parser.add_argument("--cases", type=int, nargs="+", default=sizes)
    parser.add_argument("--one", type=Path, help="measure the bank in this folder and print it")
    args = parser.parse_args()
    if args.one is not None:
        print(json.dumps(measure(args.one)))
        return
    figures: dict[str, Any] = {"load before": os.getloadavg()[0]}
    for n in args.cases:
        with tempfile.TemporaryDirectory(prefix="medsiam-search-") as name:
            fill(Path(name) / "bank", n)
            # A process of its own: what filling took of memory is not the bank's.
            done = subprocess.run(
                [sys.executable, __file__, "--one", str(Path(name) / "bank")],
                check=True,
                stdout=subprocess.PIPE,
            )
            figures[f"{n} cases"] = json.loads(done.stdout)
        print(json.dumps({n: figures[f"{n} cases"]}, indent=2), flush=True)
    write_result("search", figures)


def fill(folder: Path, n: int) -> None:
    architecture = Architecture(spatial_dims=2, backbone="resnet10", width=0.125, embedding_dim=DIM)
    recipe = Recipe(spatial_dims=2, spatial_size=(32, 32))
    encoder = new_encoder(architecture, recipe, name="random", licence="none")
    bank = ReferenceBank.create(folder, encoder, pixels=False)
    random = np.random.default_rng(0)
    centres = random.normal(size=(10, DIM))
    for first in range(0, n, PART):
        records = []
        for i in range(first, min(first + PART, n)):
            vector = centres[i // 5 % 10] + 3 * random.normal(size=DIM)
            vector /= np.linalg.norm(vector)
            case = Case(
                case_id=f"c{i}", condition=f"condition {i // 5 % 10}", patient=f"{i // 5:016x}",
                proof="none", source=None, licence="none", modality=None, body_part=None,
                spacing=None, phases=("",), content_hashes=(f"{i:064x}",),
                added="2026-01-01T00:00:00+00:00",
            )  # fmt: skip
            facts = ScanFacts(f"{i:064x}", 2, (8, 8), None, None, None, None, None, None)
            records.append(CaseRecord(case, (facts,), vector[None].astype(np.float32)))
        bank._store.add(records, encoder_fingerprint=bank.encoder_card.fingerprint)


def measure(folder: Path) -> dict[str, Any]:
    database = folder / "bank.sqlite"
    start = time.perf_counter()
    with database.open("rb", buffering=0) as stream:
        while stream.read(1 << 24):
            pass
    reading = time.perf_counter() - start
    start = time.perf_counter()
    bank = ReferenceBank.open(folder)
    checked = time.perf_counter() - start
    before = resident()
    start = time.perf_counter()
    snapshot = bank.snapshot()
    read = time.perf_counter() - start
    scan = Scan(np.zeros((8, 8), np.float32), spatial_dims=2)
    queries = np.random.default_rng(1).normal(size=(21, DIM)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    start = time.perf_counter()
    compare_embedding(queries[0], scan, bank, k=K)
    first = time.perf_counter() - start
    held = resident() - before
    vectors = np.ascontiguousarray(snapshot.embeddings)

    def ours(query: np.ndarray) -> list[str]:
        found = compare_embedding(query, scan, bank, k=K)
        return [match.case_id for match in found.matches]

    def product(query: np.ndarray) -> np.ndarray:
        return vectors @ query

    ways: dict[str, Callable[[np.ndarray], Any]] = {"compare": ours, "numpy": product}
    index = flat_index(vectors)
    if index is not None:
        ways["faiss"] = lambda query: index.search(query[None], K)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for query in queries:
        for name, way in ways.items():
            began = time.perf_counter()
            way(query)
            taken[name].append(1000 * (time.perf_counter() - began))
    faster = [min(times) for times in zip(*(taken[n] for n in ways if n != "compare"), strict=True)]
    return {
        "p50 ms": {name: round(median(times), 3) for name, times in taken.items()},
        "compare against the faster one": round(
            median(a / b for a, b in zip(taken["compare"], faster, strict=True)), 2
        ),
        "same neighbours": all(
            ours(q) == by_loops(vectors, snapshot.cases, q) for q in queries[:5]
        ),
        "opening s": round(checked, 2),
        "reading its bytes s": round(reading, 2),
        "first snapshot s": round(read, 2),
        "first comparison s": round(first, 2),
        "memory against the vectors": round(held / vectors.nbytes, 2),
    }


def by_loops(vectors: np.ndarray, cases: tuple[Case, ...], query: np.ndarray) -> list[str]:
    """The nearest case of each of the nearest patients, in float64."""
    distances = 1 - vectors.astype(np.float64) @ query
    found: dict[str, str] = {}
    for place in np.argsort(distances, kind="stable"):
        found.setdefault(str(cases[place].patient), cases[place].case_id)
        if len(found) == K:
            break
    return list(found.values())


def flat_index(vectors: np.ndarray) -> Any:
    try:
        import faiss
    except ImportError:
        return None
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
