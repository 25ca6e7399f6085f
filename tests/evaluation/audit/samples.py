"""Small banks for the tests of the audit: three conditions in the plane and beyond."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medsiam.bank import Case, Snapshot
from medsiam.evaluation.audit.cases import AuditCases
from medsiam.evaluation.audit.examine import audit_bank
from medsiam.evaluation.audit.result import BankAudit

CONDITIONS = ("LAM", "PAP", "UIP")


def make_snapshot(x, conditions, patients, *, phases=("",), **facts) -> Snapshot:
    """A version 3 of a bank; `facts` are columns of cases."""
    cases = []
    for i, (condition, patient) in enumerate(zip(conditions, patients, strict=True)):
        case = Case(
            case_id=f"case-{i:03d}",
            condition=str(condition),
            patient=None if patient is None else f"{patient}",
            proof="histology",
            source="one archive",
            licence="CC BY 4.0",
            modality="CT",
            body_part=None,
            spacing=None,
            phases=phases,
            content_hashes=tuple(f"{i:04d}{phase}" for phase in phases),
            added="2026-01-02T03:04:05+00:00",
        )
        cases.append(replace(case, **{column: values[i] for column, values in facts.items()}))
    return Snapshot(3, tuple(cases), np.asarray(x, dtype=np.float32))


def clusters(n_each=8, *, apart=3.0, d=6, seed=0, **facts) -> Snapshot:
    """`n_each` patients of each condition around corners that lie `apart`."""
    rng = np.random.default_rng(seed)
    conditions = np.repeat(CONDITIONS, n_each)
    corners = apart * np.eye(3, d)
    x = corners[np.repeat(np.arange(3), n_each)] + rng.normal(size=(3 * n_each, d))
    return make_snapshot(x, conditions, range(3 * n_each), **facts)


def shared_patients(seed=0) -> Snapshot:
    """Forty cases of fifteen patients, some of whom have several cases and conditions."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 40)
    x = np.eye(3, 5)[labels] * 1.5 + rng.normal(size=(40, 5))
    return make_snapshot(x, np.array(CONDITIONS)[labels], rng.integers(0, 15, 40))


def as_cases(snapshot: Snapshot, metric="euclidean") -> AuditCases:
    return AuditCases.of(snapshot, metric=metric)


def examined(**options) -> BankAudit:
    """An audit with something of everything."""
    snapshot = clusters(source=["x"] * 12 + ["y"] * 12, site=["here"] * 8 + ["there"] * 16)
    return audit_bank(snapshot, metric="euclidean", **options)
