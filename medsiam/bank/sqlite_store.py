"""The default storage: one SQLite file, safe against kills, other writers and damage."""

from __future__ import annotations

from pathlib import Path

from medsiam.bank import statements
from medsiam.bank.sql_store import SqlStore
from medsiam.bank.sqlite_file import SqliteFile, check_header, create_tables, make_engine
from medsiam.bank.store import BankFacts


class SqliteStore(SqlStore):
    """A `CaseStore` in one SQLite file."""

    @classmethod
    def create(
        cls, path: Path, facts: BankFacts, *, who: str | None = None, why: str | None = None
    ) -> SqliteStore:
        """Make the file with version 0, the empty bank."""
        database = SqliteFile(path, create_tables(path))
        with database.transaction(writes=True) as connection:
            statements.begin_bank(connection, facts, who=who, why=why)
        return cls(database)

    @classmethod
    def open(cls, path: Path) -> SqliteStore:
        """Open an existing file.

        Raises:
            BankError: it is no bank's, a newer bank's, or damaged; it stays untouched.
        """
        check_header(path)
        return cls(SqliteFile(path, make_engine(path)))
