"""Claim: marking matches as alike or not alike brings more of the right condition next.

A simulated reader asks with every case of a bank (his own patient never counts), marks the first
five patients by their true condition, and looks at the next five: by the plain ranking, and ranked
again by his marks. Counted: how many of these five have the query's condition. A real reader marks
by looks and errs, so this is the most that marks can give. Only queries with at least one right and
one wrong match among the first five are asked: with all right there is nothing to look further for.
Chance: drawing five of all other patients. 95 % intervals by resampling patients. Needs
MEDSIAM_DATA.

    python benchmarks/refinement.py [--work DIR]

Embeddings that are there already (DIR/NAME.npz, see audit.py) are taken as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from audit import BANKS, load
from machine import write_result

from medsiam.bank import Snapshot
from medsiam.comparison import compare_embedding, refine
from medsiam.scans import Scan

_FIRST = 5
_QUERIES = 300


class StandIn:
    """What comparing asks of a bank: a snapshot without files."""

    def __init__(self, name: str, snapshot: Snapshot) -> None:
        self.name, self._snapshot, self.path, self.version = name, snapshot, name, snapshot.version
        self.calibration, self.calibrations = None, ()
        self.encoder_card = SimpleNamespace(
            architecture=SimpleNamespace(spatial_dims=2, match_head=False, whitened_domains=0),
            fingerprint="0" * 64,
            name=name,
        )

    def snapshot(self, version: int | None = None) -> Snapshot:
        """The one version there is."""
        return self._snapshot

    def hash_patient(self, patient: str) -> str:
        """The snapshot's patients are hashes already."""
        return patient


def measure(name: str, snapshot: Snapshot) -> dict[str, Any]:
    bank: Any = StandIn(name, snapshot)
    phases = len(snapshot.phases)
    scan = [Scan(np.zeros((8, 8), np.float32), 2)] * phases
    random = np.random.default_rng(0)
    rows = random.permutation(len(snapshot.cases))[:_QUERIES]
    plain, marked, chance, patients = [], [], [], []
    for row in rows:
        case, query = snapshot.cases[row], snapshot.embeddings[row]
        asked = {"k": 2 * _FIRST, "patient_id": case.patient}
        ranked = compare_embedding(query, scan, bank, metric="cosine", **asked).matches
        first, following = ranked[:_FIRST], ranked[_FIRST:]
        like = [match.case_id for match in first if match.condition == case.condition]
        unlike = [match.case_id for match in first if match.condition != case.condition]
        if not like or not unlike or len(following) < _FIRST:
            continue
        found = refine(query, scan, bank, like=like, unlike=unlike, k=_FIRST,
                       patient_id=case.patient).matches  # fmt: skip
        plain.append(np.mean([match.condition == case.condition for match in following]))
        marked.append(np.mean([match.condition == case.condition for match in found]))
        others = {c.patient: c.condition for c in snapshot.cases if c.patient != case.patient}
        chance.append(np.mean([condition == case.condition for condition in others.values()]))
        patients.append(case.patient)
    gain = np.array(marked) - np.array(plain)
    names, codes = np.unique(patients, return_inverse=True)
    drawn = [
        np.concatenate([gain[codes == code] for code in random.integers(0, len(names), len(names))])
        for _ in range(1000)
    ]
    low, high = np.percentile([one.mean() for one in drawn], [2.5, 97.5])
    return {
        "n_queries": len(plain),
        "n_patients": len(names),
        "chance": float(np.mean(chance)),
        "next_five_plain": float(np.mean(plain)),
        "next_five_marked": float(np.mean(marked)),
        "gain": float(gain.mean()),
        "gain_low": float(low),
        "gain_high": float(high),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark/audit"))
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    figures = {}
    for bank in BANKS:
        snapshot, _ = load(bank, work)
        found = figures[bank.name] = measure(bank.name, snapshot)
        print(
            f"{bank.name:<24} {found['n_queries']:>4} queries  chance {found['chance']:.2f}  "
            f"next five {found['next_five_plain']:.3f} -> {found['next_five_marked']:.3f}  "
            f"gain {found['gain']:+.3f} [{found['gain_low']:+.3f}, {found['gain_high']:+.3f}]"
        )
    write_result("refinement", figures)


if __name__ == "__main__":
    main()
