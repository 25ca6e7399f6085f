"""Opening `bank.sqlite`: refuses what is not a bank's before SQLite touches it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from medsiam.bank import schema
from medsiam.bank.database import damaged
from medsiam.bank.forms import check_form, form_of, upgrade
from medsiam.errors import BankError, MedsiamError, OutputError

BUSY_SECONDS = 30.0
_MAGIC = b"SQLite format 3\x00"
# Offsets in the file header, https://www.sqlite.org/fileformat.html section 1.3
_USER_VERSION = slice(60, 64)
_APPLICATION_ID = slice(68, 72)
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # A bank may come from anybody: its schema runs nothing, and damaged pages are looked for.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA user_version",  # the first look into the file
)


_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


def check_header(path: Path) -> None:
    """Read the file's first bytes and refuse, untouched, what this program cannot use.

    Raises:
        BankError: no file, an empty or cut one, another program's, or a newer bank's.
    """
    try:
        with path.open("rb") as stream:
            header = stream.read(100)
    except FileNotFoundError as error:
        raise BankError(
            f"{path.parent} holds no bank: {path.name} is missing; "
            "make one with `medsiam bank create`"
        ) from error
    except OSError as error:
        raise BankError(f"{path} cannot be read: {error.strerror}") from error
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise BankError(
            f"{path} is no bank's database: it is empty, damaged or of another kind; "
            "restore it from a copy of the bank"
        )
    if int.from_bytes(header[_APPLICATION_ID], "big") != schema.APPLICATION_ID:
        raise BankError(f"{path} belongs to another program; it was not touched")
    check_form(int.from_bytes(header[_USER_VERSION], "big"), path)


def make_engine(path: Path) -> Engine:
    """Return an engine whose connections are opened per use, and closed after it.

    A transaction reads one state of the bank; with the execution option `writes` it takes the
    write lock at once and waits for other writers instead of failing half-way.
    """
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def _connect(path: Path, *, mode: str = "rw") -> sqlite3.Connection:
    how = _rights(path) or f"mode={mode}"
    try:
        return _opened(path, how, _PRAGMAS)
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith(_NO_ROOM):
            raise
    # On a full disk the index of the log cannot be made beside the file. Who has the file to
    # himself keeps it in memory, so that the bank can still be read.
    return _opened(path, how, ("PRAGMA locking_mode = EXCLUSIVE", *_PRAGMAS))


def _opened(path: Path, how: str, pragmas: Iterable[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # BEGIN is ours, see _begin
    )
    # A damaged text is told by its checksum, not by its first letter that is none.
    connection.text_factory = lambda stored: stored.decode(errors="replace")
    try:
        for pragma in pragmas:
            connection.execute(pragma).close()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _rights(path: Path) -> str | None:
    """Return how to open a bank in a folder that we may only read, None where we may write.

    SQLite keeps its log beside the file, even to read. Where there is none and we cannot make one,
    it is told that nothing changes; if somebody else did change the file, checksums would tell.
    """
    if os.access(path.parent, os.W_OK):
        return None
    return "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def create_tables(path: Path) -> Engine:
    """Make an empty database in WAL mode that says in its header whose it is."""
    with closing(_connect(path, mode="rwc")) as connection:
        for pragma in (
            f"PRAGMA application_id = {schema.APPLICATION_ID}",
            f"PRAGMA user_version = {schema.SCHEMA_VERSION}",
            "PRAGMA journal_mode = WAL",
        ):
            connection.execute(pragma).close()
    engine = make_engine(path)
    schema.metadata.create_all(engine)
    return engine


class SqliteFile:
    """A `Database` in one SQLite file."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        """Run one transaction; whatever SQLite reports comes out as an error with a remedy."""
        path, opened = self._path, self._engine.connect
        try:
            with opened().execution_options(writes=writes) as connection, connection.begin():
                # The header in the file may lag behind the log, so it is asked for once more.
                check_form(form_of(connection), path)
                if writes:
                    upgrade(connection)
                yield connection
        except DBAPIError as error:
            raise _translated(path, error) from error
        except UnicodeDecodeError as error:  # SQLite quotes the damaged schema
            raise damaged(path, "its schema is no text") from error

    def check_structure(self) -> None:
        """Raise BankError where pages or indexes of the file are damaged."""
        with self.transaction() as connection:
            verdict = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if verdict != "ok":
            raise damaged(self._path, str(verdict).splitlines()[-1])

    def case_names(self, connection: Connection) -> list[tuple[int, str]]:
        """Return id and case_id of the newest version's cases without a look at the table."""
        found = connection.exec_driver_sql(
            "SELECT id, case_id FROM cases INDEXED BY one_current_case_per_id "
            "WHERE removed_version IS NULL"
        )
        return [(key, case_id) for key, case_id in found]


def _translated(path: Path, error: DBAPIError) -> MedsiamError:
    name = getattr(error.orig, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return BankError(
            f"{path} is being written by another program (waited {BUSY_SECONDS:.0f} s); "
            "try again when it has finished"
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return OutputError(
            f"{path} could not be read or written (disk full or failing?); the bank keeps its last "
            "complete version"
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return OutputError(
            f"{path} cannot be written; check the rights of the folder and the room on the disk, "
            "or work on a copy"
        )
    return damaged(path, str(error.orig))
