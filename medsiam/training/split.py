"""Which subjects train and which validate: nobody is on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsiam.cases import CaseRow
from medsiam.errors import SplitError
from medsiam.training.settings import SplitSettings

# Validation looks for the nearest scan of another subject, so two subjects is the least a part
# can hold of a condition.
_LEAST_SUBJECTS = 2


@dataclass(frozen=True)
class Split:
    """The rows of both parts, in table order."""

    train: tuple[CaseRow, ...]
    validation: tuple[CaseRow, ...]


def split_rows(
    rows: Sequence[CaseRow],
    *,
    base_conditions: Sequence[str] | None,
    settings: SplitSettings,
    random_state: np.random.Generator,
) -> Split:
    """Choose the rows of the base conditions and divide them by subject.

    Args:
        rows: of the case table.
        base_conditions: the only conditions used; None: all.
        settings: an official `split` column is honoured where `train` (and `validation`) name
            its values; else `validation_fraction` of each condition's subjects is set aside.
        random_state: decides which subjects.

    Raises:
        SplitError: if a condition or a part is absent, a condition has too few subjects, or a
            subject or file is in both parts.
    """
    rows = _of_conditions(rows, base_conditions)
    train = tuple(rows) if settings.train is None else _of_part(rows, settings.train)
    if settings.validation is not None:
        split = Split(train, _of_part(rows, settings.validation))
    else:
        chosen = _validation_subjects(train, settings.validation_fraction, random_state)
        split = Split(
            tuple(row for row in train if row.subject not in chosen),
            tuple(row for row in train if row.subject in chosen),
        )
    check_disjoint({"training": split.train, "validation": split.validation})
    check_subjects(split)
    return split


def check_disjoint(parts: Mapping[str, Sequence[CaseRow]]) -> None:
    """Refuse parts that share a subject or a file.

    Args:
        parts: name of the part -> its rows.

    Raises:
        SplitError: names the first offending pair of rows of each kind, never the patient.
    """
    owner: dict[str | Path, tuple[str, CaseRow]] = {}
    for part, rows in parts.items():
        for row in rows:
            _claim(owner, row.subject, part, row, "belong to one subject")
            _claim(owner, row.path.resolve(), part, row, "are the same file")


def _claim(
    owner: dict[str | Path, tuple[str, CaseRow]],
    claimed: str | Path,
    part: str,
    row: CaseRow,
    what: str,
) -> None:
    other_part, other = owner.setdefault(claimed, (part, row))
    if other_part != part:
        raise SplitError(
            f"line {other.row} ({other.path_text}) in {other_part} and line {row.row} "
            f"({row.path_text}) in {part} {what}; put all scans of a patient or group into one "
            "part of the split"
        )


def _of_conditions(rows: Sequence[CaseRow], conditions: Sequence[str] | None) -> list[CaseRow]:
    present = sorted({row.condition for row in rows})
    wanted = present if conditions is None else list(conditions)
    absent = [name for name in wanted if name not in present]
    if absent:
        raise SplitError(
            f"base condition {', '.join(absent)}: not in the case table, which has "
            f"{', '.join(present)}"
        )
    if len(set(wanted)) < 2:
        raise SplitError(f"training compares conditions and needs at least two, got {wanted}")
    return [row for row in rows if row.condition in wanted]


def _of_part(rows: Sequence[CaseRow], name: str) -> tuple[CaseRow, ...]:
    found = tuple(row for row in rows if row.split == name)
    if not found:
        present = sorted({row.split for row in rows if row.split}) or ["no value at all"]
        raise SplitError(
            f"no row of the base conditions has split = {name!r}; the column holds "
            f"{', '.join(present)}"
        )
    return found


def _validation_subjects(
    rows: Sequence[CaseRow], fraction: float, random_state: np.random.Generator
) -> set[str]:
    """Draw subjects until each condition has its share, the rarest condition first.

    A subject can hold several conditions (a blood smear does); those that hold fewest are drawn
    first, so that one draw disturbs the shares of the other conditions least.
    """
    conditions_of: dict[str, set[str]] = {}
    for row in rows:
        conditions_of.setdefault(row.subject, set()).add(row.condition)
    order = random_state.permutation(sorted(conditions_of)).tolist()
    order.sort(key=lambda subject: len(conditions_of[subject]))
    subjects_of = {
        condition: [subject for subject in order if condition in conditions_of[subject]]
        for condition in sorted({row.condition for row in rows})
    }
    chosen: set[str] = set()
    for subjects in sorted(subjects_of.values(), key=len):
        share = max(_LEAST_SUBJECTS, round(fraction * len(subjects)))
        missing = share - sum(subject in chosen for subject in subjects)
        chosen.update([s for s in subjects if s not in chosen][: max(missing, 0)])
    return chosen


def check_subjects(split: Split) -> None:
    """Refuse a split where a condition has fewer than two subjects on a side.

    Raises:
        SplitError: names all such conditions.
    """
    trained = {row.condition for row in split.train}
    validated = {row.condition for row in split.validation}
    thin = []
    for condition in sorted(trained | validated):
        counts = [
            len({row.subject for row in rows if row.condition == condition})
            for rows in (split.train, split.validation)
        ]
        if min(counts) < _LEAST_SUBJECTS:
            thin.append(f"{condition} ({counts[0]} training, {counts[1]} validation)")
    if thin:
        raise SplitError(
            f"each condition needs at least {_LEAST_SUBJECTS} subjects (patients, groups) in "
            f"training and in validation; too few: {', '.join(thin)}. Leave the condition out of "
            "base_conditions, or add patients"
        )
