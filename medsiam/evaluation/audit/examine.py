"""Examine one version of a bank, in one call."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from medsiam.bank import ReferenceBank, Snapshot
from medsiam.bank.same_picture import Pictures
from medsiam.distances import METRICS
from medsiam.errors import UsageError
from medsiam.evaluation.audit.accuracy import measure_accuracy
from medsiam.evaluation.audit.cases import AuditCases, n_blocks
from medsiam.evaluation.audit.hubs import measure_hubs
from medsiam.evaluation.audit.label_conflicts import find_label_conflicts
from medsiam.evaluation.audit.learning_curve import measure_learning_curves
from medsiam.evaluation.audit.near_duplicates import find_near_duplicates
from medsiam.evaluation.audit.neighbours import find_neighbours
from medsiam.evaluation.audit.provenance import read_provenance
from medsiam.evaluation.audit.reidentification import Reidentification, measure_reidentification
from medsiam.evaluation.audit.result import BankAudit
from medsiam.evaluation.audit.shortcuts import measure_shortcuts

_PARTS = 8  # besides the distances


def audit_bank(
    snapshot: Snapshot,
    *,
    metric: str = "cosine",
    reidentify: bool = False,
    pixels: ArrayLike | None = None,
    random_state: int = 0,
    advance: Callable[[], None] | None = None,
) -> BankAudit:
    """Say what a bank is worth and what seems wrong with it, from its arrays and records alone.

    Args:
        snapshot: one version of the bank.
        metric: one of `medsiam.distances.METRICS`.
        reidentify: also measure how well the embeddings betray the patient.
        pixels: (n, n_phases * p) vectors of the scans' pixels in the order of the cases, for the
            same by pixels; None where the bank keeps none.
        random_state: seed of the intervals.
        advance: called `audit_steps` times, to show progress.

    Raises:
        NothingToDoError: fewer than two patients.
        UsageError: an unknown metric, or pixels that do not fit the cases.
    """
    if pixels is not None and np.shape(pixels)[:1] != (len(snapshot.cases),):
        raise UsageError(f"{len(snapshot.cases)} cases need as many rows of pixels")
    step = advance or _nothing
    found = AuditCases.of(snapshot, metric=metric, advance=step)
    neighbours = find_neighbours(found)
    step()
    accuracy = measure_accuracy(found, neighbours, random_state=random_state)
    step()
    hubs = measure_hubs(found, neighbours)
    step()
    duplicates = find_near_duplicates(found, Pictures.of(snapshot).pairs())
    step()
    conflicts = find_label_conflicts(found, neighbours)
    step()
    curves = measure_learning_curves(found)
    step()
    shortcuts = measure_shortcuts(found, snapshot.cases, random_state=random_state)
    step()
    betrayal = _reidentify(found, snapshot, pixels, random_state) if reidentify else None
    step()
    return BankAudit(
        version=snapshot.version,
        n_cases=len(found),
        n_patients=found.n_patients,
        conditions=found.names,
        metric=metric,
        accuracy=accuracy,
        hubs=hubs,
        near_duplicates=duplicates,
        label_conflicts=conflicts,
        learning_curves=curves,
        shortcuts=shortcuts,
        provenance=read_provenance(snapshot.cases),
        reidentification=betrayal,
    )


def audit_metric(bank: ReferenceBank) -> str:
    """Return the metric that the bank's newest calibration names, of whatever form, else cosine."""
    kept = bank.calibration
    named = json.loads(kept.document).get("metric") if kept is not None else None
    return str(named) if named in METRICS else "cosine"


def audit_steps(snapshot: Snapshot, *, metric: str) -> int:
    """How many times `audit_bank` tells that it got on."""
    return n_blocks(snapshot, metric=metric) + _PARTS


def _reidentify(
    found: AuditCases, snapshot: Snapshot, pixels: ArrayLike | None, random_state: int
) -> Reidentification:
    vectors: dict[str, ArrayLike] = {"embeddings": snapshot.embeddings}
    if pixels is not None:
        vectors["pixels"] = pixels
    return measure_reidentification(
        vectors,
        labels=found.labels,
        patients=found.patients,
        phases=snapshot.phases,
        # Mahalanobis needs conditions, and who is who has nothing to do with them.
        metric="euclidean" if found.metric == "euclidean" else "cosine",
        random_state=random_state,
    )


def _nothing() -> None:
    """No progress is shown."""
