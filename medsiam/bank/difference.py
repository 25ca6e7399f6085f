"""What lies between two versions of a bank."""

from __future__ import annotations

from dataclasses import dataclass

from medsiam.bank.case import Case
from medsiam.bank.store import Snapshot


@dataclass(frozen=True)
class Difference:
    """Cases that only one of two versions holds.

    Attributes:
        older, newer: numbers of the versions.
        added: held by the newer one alone, in its order.
        removed: held by the older one alone, in its order.
        changed: (before, after) under one case_id: removed, and added again.
    """

    older: int
    newer: int
    added: tuple[Case, ...]
    removed: tuple[Case, ...]
    changed: tuple[tuple[Case, Case], ...]


def difference(older: Snapshot, newer: Snapshot) -> Difference:
    """Return which cases came, went or were replaced from the one version to the other."""
    before = {case.case_id: case for case in older.cases}
    after = {case.case_id: case for case in newer.cases}
    return Difference(
        older=older.version,
        newer=newer.version,
        added=tuple(case for name, case in after.items() if name not in before),
        removed=tuple(case for name, case in before.items() if name not in after),
        changed=tuple(
            (case, after[name])
            for name, case in before.items()
            if name in after and case != after[name]
        ),
    )
