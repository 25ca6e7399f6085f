"""A bank in the tables of a database: every change one transaction and one new version."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection, and_, func, insert, select

from medsiam.bank import rows, schema, statements
from medsiam.bank.case import Case
from medsiam.bank.database import Database, damaged
from medsiam.bank.forms import form_of
from medsiam.bank.sql_reviews import SqlReviews
from medsiam.bank.store import (
    Added,
    BankFacts,
    CaseRecord,
    KeptCalibration,
    ScanFacts,
    Snapshot,
    Stay,
    Version,
)
from medsiam.errors import BankError, EncoderMismatchError, MedsiamError

_NAMES_SHOWN = 10


class SqlStore:
    """A `CaseStore` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.transaction() as connection:
            stored = {row.key: row.value for row in connection.execute(select(schema.meta))}
        self._facts = rows.facts_from_values(stored)

    @property
    def facts(self) -> BankFacts:
        """What was fixed when the bank was made."""
        return self._facts

    @property
    def reviews(self) -> SqlReviews:
        """What readers said."""
        return SqlReviews(self._database, self._facts)

    def version(self) -> int:
        """Number of the newest version, as stored now."""
        with self._database.transaction() as connection:
            return self._find_version(connection).number

    def versions(self) -> tuple[Version, ...]:
        """All versions, oldest first."""
        with self._database.transaction() as connection:
            table = schema.versions
            columns = schema.columns(table, form_of(connection))
            found = connection.execute(select(*columns).order_by(table.c.number))
            return tuple(rows.version_from_row(row) for row in found)

    def read(self, version: int | None = None) -> Snapshot:
        """One whole version, the newest where none is named.

        Raises:
            BankError: there is no such version, or the bank is damaged (the case is named).
        """
        with self._database.transaction() as connection:
            chosen = self._find_version(connection, version)
            records = statements.read_records(connection, schema.in_version(chosen.number))
        if len(records) != chosen.n_cases:
            raise damaged(self._database, f"{len(records)} of {chosen.n_cases} cases are left")
        n_phases = len(records[0].vectors) if records else 1
        embeddings = np.empty((len(records), n_phases * self._facts.embedding_dim), np.float32)
        for row, record in zip(embeddings, records, strict=True):
            row[:] = record.vectors.ravel()
        embeddings.flags.writeable = False
        return Snapshot(
            chosen.number,
            tuple(record.case for record in records),
            embeddings,
            tuple(tuple(facts.picture_hash for facts in record.scans) for record in records),
        )

    def record(self, case_id: str) -> CaseRecord:
        """One case of the newest version.

        Raises:
            BankError: there is no such case, or it is damaged.
        """
        with self._database.transaction() as connection:
            wanted = and_(statements.CURRENT, schema.cases.c.case_id == case_id)
            found = statements.read_records(connection, wanted)
        if not found:
            raise BankError(f"the bank holds no case {case_id}")
        return found[0]

    def stays(self, case_id: str) -> tuple[Stay, ...]:
        """When cases of this name came and went, oldest first."""
        numbered = {version.number: version for version in self.versions()}
        table = schema.cases
        with self._database.transaction() as connection:
            found = connection.execute(
                select(table.c.added_version, table.c.removed_version)
                .where(table.c.case_id == case_id)
                .order_by(table.c.added_version)
            )
            return tuple(Stay(numbered[added], numbered.get(gone)) for added, gone in found)

    def scan_facts(self) -> tuple[tuple[str, ScanFacts], ...]:
        """The case_id and the facts of every scan of the newest version."""
        with self._database.transaction() as connection:
            return statements.read_scan_facts(connection)

    def check(self, case: Case) -> None:
        """Raise BankError where the newest version would refuse the case."""
        with self._database.transaction() as connection:
            admission = statements.admission(connection, [case])
        admission.admit(case)

    def add(
        self,
        records: Sequence[CaseRecord],
        *,
        encoder_fingerprint: str,
        who: str | None = None,
        why: str | None = None,
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
        with self._database.transaction(writes=True) as connection:
            newest = self._find_version(connection)
            admission = statements.admission(connection, [record.case for record in records])
            for record in records:
                try:
                    admission.admit(record.case)
                    admitted.append(record)
                except BankError as error:
                    if not partial:
                        raise
                    refused.append((record.case, error))
            if admitted:
                what = f"add {_cases(len(admitted))}"
                newest = _next(newest, what, newest.n_cases + len(admitted), who, why)
                statements.write_version(connection, newest)
                statements.write_records(connection, admitted, newest.number)
        return Added(newest.number, tuple(record.case for record in admitted), tuple(refused))

    def remove(
        self, case_ids: Sequence[str], *, who: str | None = None, why: str | None = None
    ) -> int:
        """Remove cases from the newest version on, and return its number.

        Raises:
            BankError: a case is not there; nothing was removed.
        """
        wanted = tuple(dict.fromkeys(case_ids))
        with self._database.transaction(writes=True) as connection:
            newest = self._find_version(connection)
            held = {row.case_id for row in statements.current_cases(connection, wanted)}
            if missing := set(wanted) - held:
                names = ", ".join(sorted(missing))
                raise BankError(f"the bank holds no case {names}; nothing was removed")
            if not wanted:
                return newest.number
            what, left = f"remove {_cases(len(wanted))}", newest.n_cases - len(wanted)
            newest = _next(newest, what, left, who, why)
            statements.write_version(connection, newest)
            statements.mark_removed(connection, wanted, newest.number)
        return newest.number

    def restore(self, version: int, *, who: str | None = None, why: str | None = None) -> int:
        """Make a new version with the cases of an older one, and return its number.

        Where the bank holds just these cases already, no version is made.

        Raises:
            BankError: there is no such version.
        """
        with self._database.transaction(writes=True) as connection:
            newest, older = self._find_version(connection), self._find_version(connection, version)
            held = _by_id(statements.read_records(connection, schema.in_version(newest.number)))
            wanted = _by_id(statements.read_records(connection, schema.in_version(older.number)))
            stays = {name for name in held.keys() & wanted if held[name].equals(wanted[name])}
            if len(stays) == len(held) == len(wanted):
                return newest.number
            what = f"go back to version {older.number}"
            newest = _next(newest, what, older.n_cases, who, why)
            statements.write_version(connection, newest)
            gone = [name for name in held if name not in stays]
            statements.mark_removed(connection, gone, newest.number)
            if back := [record for name, record in wanted.items() if name not in stays]:
                statements.write_records(connection, back, newest.number)
        return newest.number

    def calibrations(self) -> tuple[KeptCalibration, ...]:
        """All calibrations, oldest first.

        Raises:
            BankError: one of them is damaged.
        """
        table = schema.calibrations
        with self._database.transaction() as connection:
            if form_of(connection) < schema.since(table):
                return ()
            found = connection.execute(select(table).order_by(table.c.number))
            return tuple(rows.calibration_from_row(row) for row in found)

    def keep_calibration(
        self, document: str, *, bank_version: int, who: str | None
    ) -> KeptCalibration:
        """Keep one more calibration; no older one is changed.

        Raises:
            BankError: there is no such version of the bank.
        """
        table = schema.calibrations
        with self._database.transaction(writes=True) as connection:
            fitted_on = self._find_version(connection, bank_version).number
            newest = connection.execute(select(func.max(table.c.number))).scalar() or 0
            kept = KeptCalibration(newest + 1, fitted_on, _now(), who, document)
            connection.execute(insert(table), rows.calibration_to_values(kept))
        return kept

    def check_whole(self) -> None:
        """Hold everything that was ever stored against its checksum.

        Reviews are held against theirs whenever they are read: damage to them spoils no answer.

        Raises:
            BankError: something is damaged; where it belongs to a case, the case is named.
        """
        try:
            self._check_rows()
        except BankError as error:
            if not (names := self._unreadable_cases()) or names[0] in str(error):
                raise
            shown = ", ".join(names[:_NAMES_SHOWN]) + (" and more" if names[_NAMES_SHOWN:] else "")
            raise damaged(self._database, f"these cases cannot be read: {shown}") from error

    def _check_rows(self) -> None:
        versions = self.versions()
        self.calibrations()
        with self._database.transaction() as connection:
            n_cases = statements.count_by_version(connection)
            for version in versions:
                if (found := n_cases(version.number)) != version.n_cases:
                    what = (
                        f"of version {version.number} {found} of {version.n_cases} cases are left"
                    )
                    raise damaged(self._database, what)
        self._database.check_structure()

    def _unreadable_cases(self) -> list[str]:
        """Return the cases of the newest version that cannot be read, as far as their names can."""
        named, unreadable = [], []
        with suppress(MedsiamError), self._database.transaction() as connection:
            named = self._database.case_names(connection)
        for key, case_id in named:
            try:
                with self._database.transaction() as connection:
                    if not statements.read_records(connection, schema.cases.c.id == key):
                        unreadable.append(case_id)
            except MedsiamError:
                unreadable.append(case_id)
        return unreadable

    def _find_version(self, connection: Connection, number: int | None = None) -> Version:
        table = schema.versions
        columns = schema.columns(table, form_of(connection))
        query = select(*columns).order_by(table.c.number.desc()).limit(1)
        if number is not None:
            query = query.where(table.c.number == number)
        row = connection.execute(query).first()
        if row is None and number is not None:
            raise BankError(f"bank {self._facts.name} has no version {number}")
        if row is None:
            raise damaged(self._database, "no version is left")
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


def _by_id(records: Sequence[CaseRecord]) -> dict[str, CaseRecord]:
    return {record.case.case_id: record for record in records}


def _cases(count: int) -> str:
    return f"{count} case{'s' if count > 1 else ''}"


def _next(newest: Version, what: str, n_cases: int, who: str | None, why: str | None) -> Version:
    return Version(newest.number + 1, _now(), what, why, n_cases, who)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
