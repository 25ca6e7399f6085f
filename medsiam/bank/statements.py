"""What is read and written within one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    func,
    insert,
    select,
    true,
    update,
)

from medsiam.bank import review_statements, rows, schema
from medsiam.bank.admission import Admission
from medsiam.bank.case import Case
from medsiam.bank.forms import form_of
from medsiam.bank.store import BankFacts, CaseRecord, ScanFacts, Version

_T = TypeVar("_T")
CURRENT = schema.cases.c.removed_version.is_(None)
_CHUNK = 5_000  # values in one statement; SQLite takes 32,766


def begin_bank(
    connection: Connection, facts: BankFacts, *, who: str | None, why: str | None
) -> None:
    """Write what is fixed from now on, version 0, which is empty, and the end of no reviews."""
    values = rows.facts_to_values(facts)
    fixed = [{"key": key, "value": text} for key, text in values.items()]
    connection.execute(insert(schema.meta), fixed)
    write_version(connection, Version(0, facts.created, "create", why, 0, who))
    review_statements.begin_chain(connection, facts)


def read_records(connection: Connection, where: ColumnElement[bool]) -> list[CaseRecord]:
    """Read cases with their scans and vectors, in order of addition.

    Raises:
        BankError: a case does not match its checksum; it is named.
    """
    return [record for _, record in _checked_records(connection, where)]


def count_by_version(connection: Connection) -> Callable[[int], int]:
    """Check every case that was ever held, and return how many each version holds.

    Raises:
        BankError: a case does not match its checksum; it is named.
    """
    spans = [span for span, _ in _checked_records(connection, true())]
    return lambda number: sum(
        added <= number and (removed is None or removed > number) for added, removed in spans
    )


def _checked_records(
    connection: Connection, where: ColumnElement[bool]
) -> Iterator[tuple[tuple[int, int | None], CaseRecord]]:
    """Yield for each case the versions that added and removed it, and its record."""
    cases, form = schema.cases, form_of(connection)
    scans = _by_case(connection, schema.scans, where)
    vectors = _by_case(connection, schema.embeddings, where)
    found = connection.execute(
        select(*schema.columns(cases, form)).where(where).order_by(cases.c.id)
    )
    for row in found:
        record = rows.record_from_rows(row, scans.get(row.id, []), vectors.get(row.id, []))
        if form > 1:
            rows.check_removal(row)
        yield (row.added_version, row.removed_version), record


def read_scan_facts(connection: Connection) -> tuple[tuple[str, ScanFacts], ...]:
    """Return case_id and facts of each scan of the newest version; checksums are not looked at."""
    cases = schema.cases
    scans = _by_case(connection, schema.scans, CURRENT)
    found = connection.execute(select(cases.c.id, cases.c.case_id).where(CURRENT))
    return tuple(
        (case_id, rows.scan_facts(scan)) for key, case_id in found for scan in scans.get(key, [])
    )


def _by_case(
    connection: Connection, table: Table, where: ColumnElement[bool]
) -> dict[int, list[Row[Any]]]:
    cases = schema.cases
    found = connection.execute(
        select(*schema.columns(table, form_of(connection)))
        .join_from(table, cases, cases.c.id == table.c.case)
        .where(where)
        .order_by(table.c.case, table.c.position)
    )
    return {case: list(group) for case, group in groupby(found, key=itemgetter(0))}


def admission(connection: Connection, asking: Sequence[Case]) -> Admission:
    """Return what the newest version holds, as far as it concerns the asking cases."""
    cases, scans = schema.cases, schema.scans
    first = connection.execute(select(cases.c.id).where(CURRENT).limit(1)).scalar()
    phases = connection.execute(
        select(scans.c.phase).where(scans.c.case == first).order_by(scans.c.position)
    ).scalars()
    hashes = [content_hash for case in asking for content_hash in case.content_hashes]
    ids = [case.case_id for case in asking]
    held = current_cases(connection, ids)
    owners = (
        row
        for part in _chunks(hashes)
        for row in connection.execute(
            select(scans.c.content_hash, cases.c.case_id)
            .join_from(scans, cases, cases.c.id == scans.c.case)
            .where(CURRENT, scans.c.content_hash.in_(part))
        )
    )
    return Admission(
        phases=tuple(phases) or None,
        case_ids={row.case_id for row in held},
        scan_owners={row.content_hash: row.case_id for row in owners},
    )


def current_cases(connection: Connection, case_ids: Sequence[str]) -> list[Row[int, str, str]]:
    """Return `id, case_id, digest` of those of the named cases that the newest version holds."""
    cases = schema.cases
    columns = select(cases.c.id, cases.c.case_id, cases.c.digest)
    return [
        row
        for part in _chunks(case_ids)
        for row in connection.execute(columns.where(CURRENT, cases.c.case_id.in_(part)))
    ]


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def write_version(connection: Connection, version: Version) -> None:
    """Add the row of a version."""
    connection.execute(insert(schema.versions), rows.version_to_values(version))


def mark_removed(connection: Connection, case_ids: Sequence[str], number: int) -> None:
    """Let the named cases end with the version before this one."""
    cases = schema.cases
    for row in current_cases(connection, case_ids):
        seal = schema.removal_digest(row.digest, number)
        change = update(cases).where(cases.c.id == row.id)
        connection.execute(change.values(removed_version=number, removal_digest=seal))


def write_records(connection: Connection, records: Sequence[CaseRecord], number: int) -> None:
    """Add cases with their scans and vectors, from this version on."""
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
