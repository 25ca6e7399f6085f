"""The default storage: one SQLite file, safe against kills, other writers and damage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    and_,
    func,
    insert,
    select,
    update,
)

from medsiam.bank import rows, schema
from medsiam.bank.admission import Admission
from medsiam.bank.case import Case
from medsiam.bank.sqlite_file import check_header, create_tables, damaged, make_engine, transaction
from medsiam.bank.store import Added, BankFacts, CaseRecord, Snapshot, Version
from medsiam.errors import BankError, EncoderMismatchError

_T = TypeVar("_T")
_CURRENT = schema.cases.c.removed_version.is_(None)
_CHUNK = 5_000  # values in one statement; SQLite takes 32,766


class SqliteStore:
    """A `CaseStore` in one SQLite file."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine
        with transaction(engine, path) as connection:
            stored = {row.key: row.value for row in connection.execute(select(schema.meta))}
        self._facts = rows.facts_from_values(stored)

    @classmethod
    def create(cls, path: Path, facts: BankFacts) -> SqliteStore:
        """Make the file with version 0, the empty bank."""
        engine = create_tables(path)
        values = rows.facts_to_values(facts)
        first = Version(0, facts.created, "create", None, 0)
        with transaction(engine, path, writes=True) as connection:
            connection.execute(
                insert(schema.meta), [{"key": key, "value": text} for key, text in values.items()]
            )
            connection.execute(insert(schema.versions), rows.version_to_values(first))
        return cls(path, engine)

    @classmethod
    def open(cls, path: Path) -> SqliteStore:
        """Open an existing file.

        Raises:
            BankError: it is no bank's, a newer bank's, or damaged; it stays untouched.
        """
        check_header(path)
        return cls(path, make_engine(path))

    @property
    def facts(self) -> BankFacts:
        """What was fixed when the bank was made."""
        return self._facts

    def version(self) -> int:
        """Number of the newest version, as stored now."""
        with transaction(self._engine, self._path) as connection:
            return self._find_version(connection).number

    def versions(self) -> tuple[Version, ...]:
        """All versions, oldest first."""
        with transaction(self._engine, self._path) as connection:
            found = connection.execute(select(schema.versions).order_by(schema.versions.c.number))
            return tuple(rows.version_from_row(row) for row in found)

    def read(self, version: int | None = None) -> Snapshot:
        """One whole version, the newest where none is named.

        Raises:
            BankError: there is no such version, or the file is damaged (the case is named).
        """
        with transaction(self._engine, self._path) as connection:
            chosen = self._find_version(connection, version)
            records = _read_records(connection, schema.in_version(chosen.number))
        if len(records) != chosen.n_cases:
            raise damaged(self._path, f"{len(records)} of {chosen.n_cases} cases are left")
        n_phases = len(records[0].vectors) if records else 1
        embeddings = np.empty((len(records), n_phases * self._facts.embedding_dim), np.float32)
        for row, record in zip(embeddings, records, strict=True):
            row[:] = record.vectors.ravel()
        embeddings.flags.writeable = False
        return Snapshot(chosen.number, tuple(record.case for record in records), embeddings)

    def record(self, case_id: str) -> CaseRecord:
        """One case of the newest version.

        Raises:
            BankError: there is no such case, or it is damaged.
        """
        with transaction(self._engine, self._path) as connection:
            found = _read_records(connection, and_(_CURRENT, schema.cases.c.case_id == case_id))
        if not found:
            raise BankError(f"the bank holds no case {case_id}")
        return found[0]

    def check(self, case: Case) -> None:
        """Raise BankError where the newest version would refuse the case."""
        with transaction(self._engine, self._path) as connection:
            admission = _admission(connection, [case])
        admission.admit(case)

    def add(
        self,
        records: Sequence[CaseRecord],
        *,
        encoder_fingerprint: str,
        note: str | None = None,
        partial: bool = False,
    ) -> Added:
        """Add cases in one transaction: all of them, or with `partial` those not refused.

        Raises:
            EncoderMismatchError: the vectors come from another encoder than the bank's.
            BankError: a case is refused (without `partial`); nothing was added.
        """
        self._check_vectors(records, encoder_fingerprint)
        admitted: list[CaseRecord] = []
        refused: list[tuple[Case, BankError]] = []
        with transaction(self._engine, self._path, writes=True) as connection:
            newest = self._find_version(connection)
            admission = _admission(connection, [record.case for record in records])
            for record in records:
                try:
                    admission.admit(record.case)
                    admitted.append(record)
                except BankError as error:
                    if not partial:
                        raise
                    refused.append((record.case, error))
            number = newest.number
            if admitted:
                number = _write_version(connection, newest, "add", len(admitted), note)
                _write_records(connection, admitted, number)
        return Added(number, tuple(record.case for record in admitted), tuple(refused))

    def remove(self, case_ids: Sequence[str], *, note: str | None = None) -> int:
        """Remove cases from the newest version on, and return its number.

        Raises:
            BankError: a case is not there; nothing was removed.
        """
        cases = schema.cases
        wanted = tuple(dict.fromkeys(case_ids))
        with transaction(self._engine, self._path, writes=True) as connection:
            newest = self._find_version(connection)
            held = _select_in(connection, cases, cases.c.case_id, wanted)
            if missing := set(wanted) - {row.case_id for row in held}:
                names = ", ".join(sorted(missing))
                raise BankError(f"the bank holds no case {names}; nothing was removed")
            if not wanted:
                return newest.number
            number = _write_version(connection, newest, "remove", -len(wanted), note)
            for part in _chunks([row.id for row in held]):
                change = update(cases).where(cases.c.id.in_(part))
                connection.execute(change.values(removed_version=number))
        return number

    def _find_version(self, connection: Connection, number: int | None = None) -> Version:
        table = schema.versions
        query = select(table).order_by(table.c.number.desc()).limit(1)
        if number is not None:
            query = query.where(table.c.number == number)
        row = connection.execute(query).first()
        if row is None and number is not None:
            raise BankError(f"bank {self._facts.name} has no version {number}")
        if row is None:
            raise damaged(self._path, "no version is left")
        return rows.version_from_row(row)

    def _check_vectors(self, records: Sequence[CaseRecord], fingerprint: str) -> None:
        facts = self._facts
        if fingerprint != facts.encoder_fingerprint:
            raise EncoderMismatchError(
                f"bank {facts.name} takes embeddings of encoder {facts.encoder_name} "
                f"({facts.encoder_fingerprint[:12]}) only, these come from encoder "
                f"{fingerprint[:12]}; embed the scans with the bank's own encoder"
            )
        for record in records:
            expected = (len(record.case.phases), facts.embedding_dim)
            if record.vectors.shape != expected:
                raise BankError(
                    f"case {record.case.case_id}: embeddings of shape {record.vectors.shape}, "
                    f"the bank keeps {expected}"
                )
            if not np.isfinite(record.vectors).all():
                raise BankError(
                    f"case {record.case.case_id}: its embedding is not finite; "
                    "look at the scan's values"
                )


def _read_records(connection: Connection, where: ColumnElement[bool]) -> list[CaseRecord]:
    """Read cases with their scans and vectors, in order of addition."""
    cases = schema.cases
    scans = _by_case(connection, schema.scans, where)
    vectors = _by_case(connection, schema.embeddings, where)
    found = connection.execute(select(cases).where(where).order_by(cases.c.id))
    return [
        rows.record_from_rows(row, scans.get(row.id, []), vectors.get(row.id, [])) for row in found
    ]


def _by_case(
    connection: Connection, table: Table, where: ColumnElement[bool]
) -> dict[int, list[Row[Any]]]:
    cases = schema.cases
    found = connection.execute(
        select(table)
        .join(cases, cases.c.id == table.c.case)
        .where(where)
        .order_by(table.c.case, table.c.position)
    )
    return {case: list(group) for case, group in groupby(found, key=itemgetter(0))}


def _admission(connection: Connection, asking: Sequence[Case]) -> Admission:
    """Return what the newest version holds, as far as it concerns the asking cases."""
    cases, scans = schema.cases, schema.scans
    first = connection.execute(select(cases.c.id).where(_CURRENT).limit(1)).scalar()
    phases = connection.execute(
        select(scans.c.phase).where(scans.c.case == first).order_by(scans.c.position)
    ).scalars()
    hashes = [content_hash for case in asking for content_hash in case.content_hashes]
    ids = [case.case_id for case in asking]
    owners = _select_in(
        connection, cases.join(scans, cases.c.id == scans.c.case), scans.c.content_hash, hashes
    )
    return Admission(
        phases=tuple(phases) or None,
        case_ids={row.case_id for row in _select_in(connection, cases, cases.c.case_id, ids)},
        scan_owners={row.content_hash: row.case_id for row in owners},
    )


def _select_in(
    connection: Connection, source: Any, column: ColumnElement[str], wanted: Sequence[str]
) -> list[Row[Any]]:
    """Return the rows of current cases whose column is one of many values."""
    return [
        row
        for part in _chunks(wanted)
        for row in connection.execute(select(source).where(_CURRENT, column.in_(part)))
    ]


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _write_version(
    connection: Connection, newest: Version, what: str, more_cases: int, note: str | None
) -> int:
    version = Version(
        number=newest.number + 1,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        what=f"{what} {abs(more_cases)} case{'s' if abs(more_cases) > 1 else ''}",
        note=note,
        n_cases=newest.n_cases + more_cases,
    )
    connection.execute(insert(schema.versions), rows.version_to_values(version))
    return version.number


def _write_records(connection: Connection, records: Sequence[CaseRecord], number: int) -> None:
    highest = connection.execute(select(func.max(schema.cases.c.id))).scalar() or 0
    all_cases, all_scans, all_vectors = [], [], []
    for key, record in enumerate(records, start=highest + 1):
        case, scans, vectors = rows.record_to_values(record, number)
        all_cases.append({"id": key, **case})
        all_scans += [{"case": key, **scan} for scan in scans]
        all_vectors += [{"case": key, **vector} for vector in vectors]
    connection.execute(insert(schema.cases), all_cases)
    connection.execute(insert(schema.scans), all_scans)
    connection.execute(insert(schema.embeddings), all_vectors)
