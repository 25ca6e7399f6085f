"""Does the embedding tell where a case comes from, and do conditions hang on it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.bank import Case
from medsiam.evaluation.audit.cases import AuditCases
from medsiam.evaluation.result import Figure, SourceProbe
from medsiam.evaluation.source_probe import measure_source_probe
from medsiam.metrics import cluster_bootstrap

Codes = NDArray[np.intp]

ORIGINS = ("source", "site", "scanner", "modality")


@dataclass(frozen=True)
class Shortcut:
    """One way in which cases differ in where they come from.

    Attributes:
        column: "source", "site", "scanner" or "modality".
        values: each value and its number of patients, the most frequent first.
        n_unknown: cases without it.
        probe: how well the nearest case, and a linear probe, tell the value; None where fewer than
            two values have two patients.
        within_condition: share of cases whose nearest case of their own condition and another
            patient has their value: what is left when the condition cannot help; None where no
            condition with two values has two patients of one.
        cramers_v: how far value and condition go together, 0 = not at all, 1 = one tells the
            other; corrected for small numbers; None for a single value or condition.
        only: condition -> the single value that all its cases have, where the bank has others.
    """

    column: str
    values: dict[str, int]
    n_unknown: int
    probe: SourceProbe | None
    within_condition: Figure | None
    cramers_v: float | None
    only: dict[str, str]


def measure_shortcuts(
    found: AuditCases, cases: Sequence[Case], *, random_state: int
) -> tuple[Shortcut, ...]:
    """One entry per column that any case fills."""
    shortcuts = []
    for column in ORIGINS:
        values = [getattr(case, column, None) or None for case in cases]
        if any(values):
            shortcuts.append(_measure(found, column, values, random_state))
    return tuple(shortcuts)


def _measure(
    found: AuditCases, column: str, values: Sequence[str | None], random_state: int
) -> Shortcut:
    known = np.array([value is not None for value in values])
    names = np.array([value or "" for value in values], dtype=str)
    counts = {
        str(name): len(np.unique(found.patients[names == name])) for name in np.unique(names[known])
    }
    only = {}
    if len(counts) > 1:
        for label, condition in enumerate(found.names):
            own = np.unique(names[found.labels == label])
            if len(own) == 1 and own[0]:
                only[condition] = str(own[0])
    return Shortcut(
        column,
        dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))),
        int((~known).sum()),
        measure_source_probe(
            found.embeddings,
            sources=values,
            subjects=[str(code) for code in found.patients],
            column=column,
            metric=found.metric,
            random_state=random_state,
        ),
        _within_condition(found, names, known, random_state),
        _cramers_v(found, names, known),
        only,
    )


def _within_condition(
    found: AuditCases, names: NDArray[np.str_], known: NDArray[np.bool_], random_state: int
) -> Figure | None:
    """Does the nearest case of the same condition have the same value?"""
    alike = (found.labels[:, None] == found.labels[None, :]) & known[None, :] & known[:, None]
    distances = np.where(alike, found.distances, np.inf)
    candidates = np.isfinite(distances)
    same = candidates & (names[:, None] == names[None, :])
    asks = same.any(axis=1) & (same.sum(axis=1) < candidates.sum(axis=1))
    owners = found.patients[asks]
    if len(np.unique(owners)) < 2:
        return None
    right = names[distances[asks].argmin(axis=1)] == names[asks]
    values = right.astype(np.float64)
    chance = float((same[asks].sum(axis=1) / candidates[asks].sum(axis=1)).mean())
    low, high = cluster_bootstrap(values, owners, random_state=random_state)
    return Figure(
        float(values.mean()), low, high, chance, None, int(asks.sum()), len(np.unique(owners))
    )


def _cramers_v(
    found: AuditCases, names: NDArray[np.str_], known: NDArray[np.bool_]
) -> float | None:
    """Over patients, each counted once for each condition and value that he has."""
    if not known.any():
        return None
    codes = np.unique(names[known], return_inverse=True)[1]
    triples = np.unique(np.stack([found.labels[known], codes, found.patients[known]]), axis=1)
    return cramers_v(triples[0], triples[1])


def cramers_v(a: Codes, b: Codes) -> float | None:
    """Association of two codes (n,), 0 to 1; None where one of them has a single value.

    With the correction of W. Bergsma, "A bias-correction for Cramer's V and Tschuprow's T",
    J. Korean Statistical Society 42 (2013) 323-328, so that small tables do not look associated.
    """
    a, b = np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]
    n, rows, columns = len(a), int(a.max()) + 1, int(b.max()) + 1
    if min(rows, columns) < 2 or n < 2:
        return None
    table = np.zeros((rows, columns))
    np.add.at(table, (a, b), 1)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    smaller = min(
        rows - (rows - 1) ** 2 / (n - 1),
        columns - (columns - 1) ** 2 / (n - 1),
    )
    return float(min(1.0, np.sqrt(phi / (smaller - 1)))) if smaller > 1 else None
