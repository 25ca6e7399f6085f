"""Claim: the audit names a wrong label, one patient under two names, and how far the patient shows.

In a bank of real embeddings one label at a time is made wrong at random: how often is it the first,
or among the first three or ten, of the labels that fit least, is it listed at all, and is it called
strong? Cases of
conditions that the encoder was trained on, mostly on these very cases, are told apart from cases of
conditions that it never saw. The same bank with its labels as published shows the false alarms.
Re-identification: end-diastole against end-systole of the same heart, by embeddings and by pixels.
Needs MEDSIAM_DATA.

Smaller banks are drawn from each, as a rare condition's bank is small.

    python benchmarks/audit.py [--flips 100] [--work DIR]

Embeddings that are there already (DIR/NAME.npz) are taken as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import write_result
from numpy.typing import NDArray

from medsiam.bank import Case, Snapshot
from medsiam.cases import CaseRow, read_case_table
from medsiam.encoders import load_embeddings, load_encoder, pixel_embeddings
from medsiam.evaluation import audit_bank
from medsiam.evaluation.audit.cases import AuditCases
from medsiam.evaluation.audit.label_conflicts import find_label_conflicts
from medsiam.evaluation.audit.near_duplicates import find_near_duplicates
from medsiam.evaluation.audit.neighbours import Neighbours, find_neighbours
from medsiam.metrics import wilson_interval
from medsiam.scans import read_scan

_FEWEST = 3  # patients of a condition whose labels are made wrong, or that wrong labels name


@dataclass(frozen=True)
class Bank:
    """Which cases, by which encoder.

    Attributes:
        name: of the embeddings' file.
        table: below MEDSIAM_DATA.
        encoder: shipped.
        phases: joined in this order; ("",) for one scan per case.
    """

    name: str
    table: str
    encoder: str
    phases: tuple[str, ...] = ("",)


BANKS = (
    Bank("cells_default-2d", "chula_rbc_cells", "default-2d"),
    Bank("chest_default-2d", "cxr_rare_pneumonia", "default-2d"),
    Bank("ultrasound_default-2d", "lung_ultrasound", "default-2d"),
    Bank("heart_default-3d", "acdc_cardiac_mri", "default-3d", ("ED", "ES")),
    Bank("heart_cardiac-cine", "acdc_cardiac_mri", "cardiac-cine", ("ED", "ES")),
)


def load(bank: Bank, work: Path) -> tuple[Snapshot, list[list[CaseRow]]]:
    """The bank as a snapshot, and the rows of each case."""
    table = Path(os.environ["MEDSIAM_DATA"]).resolve() / bank.table / "labels.csv"
    file = work / f"{bank.name}.npz"
    if not file.exists():
        command = [sys.executable, "-m", "medsiam", "embed", str(table)]
        command += ["--encoder", bank.encoder, "--out", str(file)]
        subprocess.run(command, check=True)
    paths, embeddings = load_embeddings(file)
    of_path = dict(zip(paths, embeddings, strict=True))
    groups: dict[str, list[CaseRow]] = {}
    for row in read_case_table(table).rows:
        key = row.subject if len(bank.phases) > 1 else row.path_text
        groups.setdefault(key, []).append(row)
    cases, vectors, members = [], [], []
    for rows in groups.values():
        # Two phases of a patient are one case here, as a table with case_id would have it.
        rows.sort(key=lambda row: row.value("phase") or "")
        cases.append(as_case(rows, bank.phases))
        vectors.append(np.concatenate([of_path[row.path_text] for row in rows]))
        members.append(rows)
    return Snapshot(1, tuple(cases), np.stack(vectors)), members


def as_case(rows: Sequence[CaseRow], phases: tuple[str, ...]) -> Case:
    first = rows[0]
    return Case(
        case_id=first.path_text,
        condition=first.condition,
        patient=hashlib.sha256(first.subject.encode()).hexdigest()[:16],
        proof="none",
        source=first.source,
        licence=None,
        modality=None,
        body_part=None,
        spacing=None,
        phases=phases,
        content_hashes=tuple(row.path_text for row in rows),
        added="",
    )


def wrong_labels(found: AuditCases, seen: frozenset[str], n_flips: int) -> dict[str, Any]:
    """Make one label wrong at a time, and see where the audit lists it."""
    neighbours = find_neighbours(found)
    clean = find_label_conflicts(found, neighbours)
    trained = np.isin(found.names, list(seen))
    figures: dict[str, Any] = {
        "strong_on_published_labels": sum(entry.strong for entry in clean),
        "listed_on_published_labels": len(clean),
        "worst_on_published_labels": [asdict(entry) for entry in clean[:3]],
    }
    large = found.patients_per_condition >= _FEWEST
    for kind, labels in (("unseen", ~trained & large), ("seen", trained & large)):
        candidates = np.flatnonzero(labels[found.labels])
        if len(candidates):
            flipped = flips(found, neighbours, candidates, np.flatnonzero(large), n_flips)
            figures[f"conditions_{kind}_in_training"] = flipped
    return figures


def flips(
    found: AuditCases,
    neighbours: Neighbours,
    candidates: NDArray[np.intp],
    large: NDArray[np.intp],
    n_flips: int,
) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    ranks, listed, strong, n_listed = [], [], [], []
    for case in rng.choice(candidates, min(n_flips, len(candidates)), replace=False):
        labels = found.labels.copy()
        labels[case] = rng.choice(large[large != labels[case]])
        spoilt = replace(found, labels=labels)
        named = find_label_conflicts(spoilt, relabelled(neighbours, labels))
        hit = [entry for entry in named if entry.case_id == found.case_ids[case]]
        ranks.append(hit[0].rank if hit else len(found))
        listed.append(bool(hit))
        strong.append(bool(hit) and hit[0].strong)
        n_listed.append(len(named))
    return {
        "n_flips": len(ranks),
        "n_cases": len(candidates),
        **{f"first_{k}": share(np.array(ranks) <= k, k / len(found)) for k in (1, 3, 10)},
        "listed": share(np.array(listed), float(np.mean(n_listed)) / len(found)),
        "mean_n_listed": float(np.mean(n_listed)),
        "called_strong": share(np.array(strong), None),
    }


def small_banks(found: AuditCases, n_banks: int) -> dict[str, Any]:
    """The same in banks drawn from this one: 3 to 7 conditions with 4 to 40 patients each."""
    rng = np.random.default_rng(0)
    ranks, listed, n_listed, sizes = [], [], [], []
    while len(ranks) < n_banks:
        part = drawn(found, rng)
        large = np.flatnonzero(part.patients_per_condition >= _FEWEST)
        if len(large) < 2:  # no label could be made wrong
            continue
        case = rng.choice(np.flatnonzero(np.isin(part.labels, large)))
        labels = part.labels.copy()
        labels[case] = rng.choice(large[large != labels[case]])
        spoilt = replace(part, labels=labels)
        named = find_label_conflicts(spoilt, find_neighbours(spoilt))
        hit = [entry.rank for entry in named if entry.case_id == part.case_ids[case]]
        ranks.append(hit[0] if hit else len(part))
        listed.append(bool(hit))
        n_listed.append(len(named))
        sizes.append(len(part))
    chance = float(np.mean(np.array(n_listed) / sizes))
    first = {
        f"first_{k}": share(
            np.array(listed) & (np.array(ranks) <= k),
            float(np.mean(np.minimum(k / np.array(sizes), 1))),
        )
        for k in (1, 3)
    }
    return {
        "n_banks": n_banks,
        "median_n_cases": float(np.median(sizes)),
        "mean_n_listed": float(np.mean(n_listed)),
        **first,
        "listed": share(np.array(listed), chance),
    }


def drawn(found: AuditCases, rng: np.random.Generator) -> AuditCases:
    n_conditions = min(len(found.names), int(rng.integers(3, 8)))
    kept = np.zeros(len(found), dtype=bool)
    for label in rng.choice(len(found.names), n_conditions, replace=False):
        own = np.unique(found.patients[found.labels == label])
        some = rng.choice(own, min(int(rng.integers(4, 41)), len(own)), replace=False)
        kept |= (found.labels == label) & np.isin(found.patients, some)
    names, labels = np.unique(np.array(found.names)[found.labels[kept]], return_inverse=True)
    return AuditCases(
        found.case_ids[kept],
        tuple(names.tolist()),
        labels,
        np.unique(found.patients[kept], return_inverse=True)[1],
        found.embeddings[kept],
        found.metric,
        found.distances[np.ix_(kept, kept)],
    )


def relabelled(neighbours: Neighbours, labels: NDArray[np.intp]) -> Neighbours:
    known = neighbours.cases >= 0
    return replace(neighbours, labels=np.where(known, labels[neighbours.cases], -1))


def share(hits: NDArray[np.bool_], chance: float | None) -> dict[str, float | None]:
    low, high = wilson_interval(int(hits.sum()), len(hits))
    return {"value": float(hits.mean()), "low": low, "high": high, "chance": chance}


def betrayal(snapshot: Snapshot, members: list[list[CaseRow]]) -> list[dict[str, Any]]:
    """Re-identification, without cases of the same scans as an earlier one: a bank has none."""
    _, first = np.unique(snapshot.embeddings, axis=0, return_index=True)
    kept = np.sort(first)
    part = Snapshot(1, tuple(snapshot.cases[i] for i in kept), snapshot.embeddings[kept])
    pixels = np.stack(
        [pixel_embeddings(read_scan(row.path) for row in members[i]).ravel() for i in kept]
    )
    found = audit_bank(part, reidentify=True, pixels=pixels).reidentification
    assert found is not None
    return [asdict(entry) for entry in found.measured]


def measure(bank: Bank, work: Path, n_flips: int) -> dict[str, Any]:
    snapshot, members = load(bank, work)
    start = time.monotonic()
    audit = audit_bank(snapshot)
    seconds = time.monotonic() - start
    found = AuditCases.of(snapshot, metric="cosine")
    seen = frozenset(load_encoder(bank.encoder).card.conditions_seen)
    nearest = audit.accuracy.balanced["nearest"]
    figures: dict[str, Any] = {
        "encoder": bank.encoder,
        "conditions_seen": sorted(seen & set(found.names)),
        "n_cases": len(found),
        "n_patients": found.n_patients,
        "n_conditions": len(found.names),
        "balanced_accuracy_nearest": asdict(nearest) if nearest else None,
        "seconds": seconds,
        "wrong_labels": wrong_labels(found, seen, n_flips),
        "small_banks": small_banks(found, n_flips),
        "near_duplicates": [asdict(pair) for pair in find_near_duplicates(found)],
    }
    if len(bank.phases) > 1:
        figures["reidentification"] = betrayal(snapshot, members)
    report(bank, figures)
    return figures


def report(bank: Bank, figures: dict[str, Any]) -> None:
    wrong = figures["wrong_labels"]
    print(
        f"{bank.name}: {figures['n_cases']} cases in {figures['seconds']:.1f} s; "
        f"{wrong['strong_on_published_labels']} strong conflicts on published labels, "
        f"{len(figures['near_duplicates'])} near duplicates",
        flush=True,
    )
    for kind in ("unseen", "seen"):
        if flipped := wrong.get(f"conditions_{kind}_in_training"):
            shares = ", ".join(
                f"first {k} {flipped[f'first_{k}']['value']:.2f}" for k in (1, 3, 10)
            )
            print(
                f"  a wrong label of a condition {kind} in training ({flipped['n_flips']}): "
                f"{shares}, listed {flipped['listed']['value']:.2f} (of "
                f"{flipped['mean_n_listed']:.0f}), strong {flipped['called_strong']['value']:.2f}",
                flush=True,
            )
    small = figures["small_banks"]
    print(
        f"  a wrong label in {small['n_banks']} small banks "
        f"of {small['median_n_cases']:.0f} cases: "
        f"first {small['first_1']['value']:.2f}, first 3 {small['first_3']['value']:.2f}, "
        f"listed {small['listed']['value']:.2f} (of {small['mean_n_listed']:.0f})",
        flush=True,
    )
    for entry in figures.get("reidentification", ()):
        auc, first = entry["auc"], entry["precision_at_1"]
        print(
            f"  {entry['vectors']}, {entry['question']}, "
            f"{'same condition' if entry['within_condition'] else 'everybody'}: "
            f"AUC {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}], "
            f"P@1 {first['value']:.3f} [{first['low']:.3f}, {first['high']:.3f}] "
            f"(chance {first['chance']:.3f})",
            flush=True,
        )


def thousand() -> float:
    """Seconds for a bank of 1,000 cases of 1,248 numbers."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 1248)).astype(np.float32)
    conditions = rng.integers(0, 12, 1000)
    row = CaseRow(0, Path(), "", "", "")
    cases = tuple(
        replace(
            as_case([replace(row, path_text=str(i), condition=f"condition {c}")], ("",)),
            patient=str(i),
        )
        for i, c in enumerate(conditions)
    )
    start = time.monotonic()
    audit_bank(Snapshot(1, cases, x))
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--work", type=Path, default=Path("benchmark-work"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {bank.name: measure(bank, args.work, args.flips) for bank in BANKS}
    figures["seconds_1000_cases"] = thousand()
    print(f"1,000 cases in {figures['seconds_1000_cases']:.1f} s")
    print(write_result("audit", figures))


if __name__ == "__main__":
    main()
