"""From the rows of a case table to items: one embedding, condition and subject per case."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medsiam.cases import KNOWN_COLUMNS, CaseRow, group_cases
from medsiam.errors import NothingToDoError, UsageError
from medsiam.evaluation.protocol import PRIVATE_COLUMNS

_NAMED = 5  # cases or values named in a message


@dataclass(frozen=True, eq=False)
class Items:
    """Cases as arrays of equal length n.

    Attributes:
        embeddings: (n, d), d counting all phases.
        conditions: (n,) diagnoses.
        subjects: (n,) what must stay on one side: patient, else group, else the row. In memory
            only: never printed or written.
        n_scans: (n,) scans joined in each case.
        paths: (n,) `path_text` of each case's scans, in phase order.
        facts: column -> (n,) what the table says of each case; None where it says nothing.
        notices: what was left out, and what is not known; no file or case is named.
        left_out: the same by name, for the terminal only.
    """

    embeddings: NDArray[np.float32]
    conditions: tuple[str, ...]
    subjects: tuple[str, ...]
    n_scans: tuple[int, ...]
    paths: tuple[tuple[str, ...], ...]
    facts: dict[str, tuple[str | None, ...]]
    notices: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def sample(self, most: int, *, random_state: int) -> tuple[int, ...]:
        """Positions of at most so many cases, drawn evenly from all."""
        n = len(self.conditions)
        drawn = np.random.default_rng(random_state).permutation(n)[: min(n, most)]
        return tuple(sorted(drawn.tolist()))


def select_rows(
    rows: Sequence[CaseRow],
    *,
    conditions: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    filters: Mapping[str, Sequence[str]] | None = None,
) -> tuple[CaseRow, ...]:
    """Return the rows of these conditions, splits and values of columns; None: all of them.

    Raises:
        UsageError: a condition, a split or a value that no row has.
    """
    for kind, wanted, known in (
        ("condition", conditions, {row.condition for row in rows}),
        ("split", splits, {row.split for row in rows if row.split}),
    ):
        for name in wanted or ():
            if name not in known:
                raise UsageError(f"no row has the {kind} {name!r}; {_hint(name, sorted(known))}")
    for column, wanted in (filters or {}).items():
        _check_filter(rows, column, wanted)
    return tuple(
        row
        for row in rows
        if (conditions is None or row.condition in conditions)
        and (splits is None or row.split in splits)
        and all(row.value(column) in wanted for column, wanted in (filters or {}).items())
    )


def _check_filter(rows: Sequence[CaseRow], column: str, wanted: Sequence[str]) -> None:
    if column in PRIVATE_COLUMNS:
        raise UsageError(f"rows are not chosen by {column}: name another column in [filter]")
    values = [value for row in rows if (value := row.value(column))]
    known = sorted(set(values))
    for name in wanted:
        if name not in known:
            # A column where nearly every row has its own value may tell of single patients.
            telling = 2 * len(known) > len(values)
            hint = "" if values and telling else f"; {_hint(name, known)}"
            raise UsageError(f"no row has the {column} {name!r}{hint}")


def check_columns(rows: Sequence[CaseRow], columns: Sequence[str]) -> None:
    """Refuse columns that no row has a value in.

    Raises:
        UsageError: with the nearest column named.
    """
    known = {column for row in rows for column, _ in row.extra}
    known |= set(KNOWN_COLUMNS) - set(PRIVATE_COLUMNS)
    filled = sorted(column for column in known if any(row.value(column) for row in rows))
    for column in columns:
        if column not in filled:
            raise UsageError(
                f"no row of the case table has a column {column!r}; {_hint(column, filled)}"
            )


def join_patients(rows: Sequence[CaseRow]) -> tuple[CaseRow, ...]:
    """Make one case of all rows of a patient, in phase order, for tables without case_id.

    Raises:
        UsageError: a row without patient, or a patient with two scans of one phase or of two
            conditions.
    """
    nobody = [row.path_text for row in rows if not row.patient_id]
    if nobody:
        raise UsageError(
            f"join = 'patient_id' needs a patient in every row; {len(nobody)} have none "
            f"({_some(nobody)})"
        )
    first: dict[str, CaseRow] = {}
    joined, seen = [], set()
    for row in rows:
        head = first.setdefault(str(row.patient_id), row)
        phase = row.value("phase") or ""
        if (head.path_text, phase) in seen or row.condition != head.condition:
            raise UsageError(
                f"join = 'patient_id': {row.path_text} and {head.path_text} are of one patient, "
                "but of one phase or of two conditions; give them a case_id each"
            )
        seen.add((head.path_text, phase))
        joined.append(replace(row, case_id=head.case_id, phase=phase))
    return tuple(joined)


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {_some(known) or 'none'}"


def join_cases(
    rows: Sequence[CaseRow],
    paths: Sequence[str],
    embeddings: NDArray[np.float32],
    *,
    table: Sequence[CaseRow] | None = None,
    columns: Sequence[str] = (),
) -> Items:
    """Join the embeddings of each case's scans, in phase order, into one item.

    Args:
        rows: those that take part.
        paths: (n,) `path_text` of each embedding.
        embeddings: (n, d).
        table: all rows that the embeddings may be of; None: `rows`.
        columns: whose values are kept as facts.

    Raises:
        UsageError: embeddings of scans that are not in the table.
        NothingToDoError: no case has all its embeddings.
    """
    vectors = _by_path(table or rows, paths, embeddings)
    cases = group_cases(rows)
    incomplete = [c for c in cases if any(row.path_text not in vectors for row in c)]
    complete = [c for c in cases if all(row.path_text in vectors for row in c)]
    if not complete:
        raise NothingToDoError("none of the table's cases has an embedding for each of its scans")
    phases = _usual_phases(complete)
    odd = [case for case in complete if _phases(case) != phases]
    kept = [case for case in complete if _phases(case) == phases]
    return Items(
        embeddings=np.stack(
            [np.concatenate([vectors[row.path_text] for row in case]) for case in kept]
        ),
        conditions=tuple(case[0].condition for case in kept),
        subjects=tuple(_subject(case) for case in kept),
        n_scans=tuple(len(case) for case in kept),
        paths=tuple(tuple(row.path_text for row in case) for case in kept),
        facts={column: tuple(_fact(case, column) for case in kept) for column in columns},
        notices=(
            *_split_notices(kept),
            *_missing_notices(incomplete, vectors),
            *_odd_notices(odd, phases),
            *_alone_notices(kept),
        ),
        left_out=_left_out(incomplete, odd, vectors),
    )


def _by_path(
    rows: Sequence[CaseRow], paths: Sequence[str], embeddings: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    if len(paths) != len(embeddings):
        raise UsageError(f"{len(paths)} paths for {len(embeddings)} embeddings: one each needed")
    known = {row.path_text for row in rows}
    strange = [path for path in paths if path not in known]
    if strange:
        raise UsageError(
            f"{len(strange)} of {len(paths)} embeddings are of scans that the case table does not "
            f"list ({_some(strange)}); use the table they were made from"
        )
    vectors: dict[str, NDArray[np.float32]] = {}
    for path, vector in zip(paths, embeddings, strict=True):
        if not np.array_equal(vectors.setdefault(path, vector), vector):
            raise UsageError(f"the embeddings hold {path} twice, with different values")
    return vectors


def _phases(case: Sequence[CaseRow]) -> tuple[str, ...]:
    return tuple(row.phase for row in case)


def _usual_phases(cases: Sequence[tuple[CaseRow, ...]]) -> tuple[str, ...]:
    """The phases that most cases have; of equally frequent ones, the first, as in a bank."""
    return Counter(map(_phases, cases)).most_common(1)[0][0]


def _subject(case: Sequence[CaseRow]) -> str:
    """One row that names the patient is enough for the case."""
    return next((row.subject for row in case if not row.stands_alone), case[0].subject)


def _fact(case: Sequence[CaseRow], column: str) -> str | None:
    """The value of all scans of the case, or their values joined."""
    values = dict.fromkeys(value for row in case if (value := row.value(column)))
    return " + ".join(values) or None


def _missing_notices(
    cases: Sequence[tuple[CaseRow, ...]], vectors: dict[str, NDArray[np.float32]]
) -> list[str]:
    if not cases:
        return []
    n = len(_missing(cases, vectors))
    return [
        f"{n} scan{'s' * (n != 1)} of the table without an embedding: "
        f"{len(cases)} case{'s' * (len(cases) != 1)} left out"
    ]


def _missing(
    cases: Sequence[tuple[CaseRow, ...]], vectors: dict[str, NDArray[np.float32]]
) -> list[str]:
    return [row.path_text for case in cases for row in case if row.path_text not in vectors]


def _left_out(
    incomplete: Sequence[tuple[CaseRow, ...]],
    odd: Sequence[tuple[CaseRow, ...]],
    vectors: dict[str, NDArray[np.float32]],
) -> tuple[str, ...]:
    named = {
        "without an embedding": _missing(incomplete, vectors),
        "left out for their phases": [case[0].case_id for case in odd],
    }
    return tuple(f"{why}: {_some(names)}" for why, names in named.items() if names)


def _odd_notices(cases: Sequence[tuple[CaseRow, ...]], phases: tuple[str, ...]) -> list[str]:
    if not cases:
        return []
    wanted = "phase " + " + ".join(phases) if any(phases) else "one scan without a phase"
    return [
        f"{len(cases)} case{'s' * (len(cases) != 1)} left out: most cases, or the first, have "
        f"{wanted}, and these have not; scans of one case need the same case_id to be joined"
    ]


def _split_notices(cases: Sequence[tuple[CaseRow, ...]]) -> list[str]:
    train = sum(case[0].split == "train" for case in cases)
    if not train:
        return []
    return [
        f"{train} of {len(cases)} cases are marked split = train: where the encoder was trained on "
        "them, the results are too good"
    ]


def _alone_notices(cases: Sequence[tuple[CaseRow, ...]]) -> list[str]:
    alone = sum(all(row.stands_alone for row in case) for case in cases)
    if not alone:
        return []
    return [
        f"{alone} of {len(cases)} cases have neither patient_id nor group, so each counts as a "
        "subject of its own: cases of one patient may meet, and the results may be too good"
    ]


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
