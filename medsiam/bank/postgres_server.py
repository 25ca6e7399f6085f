"""A bank's schema on a PostgreSQL server: connections, transactions, and errors with a remedy."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError

from medsiam.bank import schema
from medsiam.bank.database import damaged
from medsiam.bank.forms import check_form, upgrade
from medsiam.bank.postgres_address import PostgresAddress
from medsiam.errors import BankError, MedsiamError, MissingExtraError, OutputError

if TYPE_CHECKING:
    import psycopg

BUSY_SECONDS = 30
_DEFAULTS = {"connect_timeout": "10", "tcp_user_timeout": "30000", "application_name": "medsiam"}
# The bank's schema first; after it only the one where an administrator has put pgvector.
SEARCH_PATH = """SELECT set_config('search_path', concat_ws(', ', quote_ident(%s::text), (
    SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector')), false)"""
# One writer at a time and bank; a lock that needs no rights, and that readers do not meet.
_LOCK = text(
    f"SELECT set_config('lock_timeout', :wait, true), set_config('synchronous_commit', 'on', true),"
    f" pg_advisory_xact_lock({schema.APPLICATION_ID}, hashtext(:bank))"
)
_RIGHTS, _LOCKED, _NO_ROOM = "42501", "55P03", "53"
_NOT_THERE = ("42P01", "3F000")


class PostgresServer:
    """A `Database` in one schema of a server."""

    def __init__(self, address: PostgresAddress) -> None:
        self.address = address
        self._engine = _make_engine(address)
        weakref.finalize(self, self._engine.dispose)  # no connection outlives the bank

    def __str__(self) -> str:
        return str(self.address)

    @contextmanager
    def transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        """Run one transaction of a bank; whatever the server reports comes out with a remedy."""
        with self.connection(writes=writes) as connection:
            query = f'SELECT form FROM "{self.address.bank}".medsiam_bank'  # noqa: S608 - checked
            check_form(int(connection.exec_driver_sql(query).scalar_one()), self)
            if writes:
                upgrade(connection)
            yield connection

    @contextmanager
    def connection(self, *, writes: bool = False) -> Iterator[Connection]:
        """Run one transaction, of a bank that need not be there yet."""
        level = "READ COMMITTED" if writes else "REPEATABLE READ"
        ending = False
        try:
            opened = self._engine.connect()
            with opened.execution_options(isolation_level=level) as connection, connection.begin():
                if writes:
                    wait = f"{BUSY_SECONDS}s"
                    connection.execute(_LOCK, {"wait": wait, "bank": self.address.bank})
                yield connection
                ending = writes
        except DBAPIError as error:
            raise self._translated(error, ending=ending) from error

    def check_structure(self) -> None:
        """Nothing: the server looks after its pages, and says so whenever one is read."""

    def case_names(self, connection: Connection) -> list[tuple[int, str]]:
        """Return id and case_id of the newest version's cases."""
        cases = schema.cases
        held = select(cases.c.id, cases.c.case_id).where(cases.c.removed_version.is_(None))
        return [(key, case_id) for key, case_id in connection.execute(held)]

    def _translated(self, error: DBAPIError, *, ending: bool) -> MedsiamError:
        state = getattr(error.orig, "sqlstate", None) or ""
        said = _first_line(self.address.without_secrets(str(error.orig)))
        if not state or state.startswith(("08", "57P", "28", "3D")) or error.connection_invalidated:
            doubt = (
                " The connection broke while the change was being kept: look at `medsiam bank "
                "versions` before you repeat it."
                if ending
                else ""
            )
            return BankError(
                f"{self} cannot be used: {said}. See that the server runs and that address, user "
                f"and password (in ~/.pgpass or PGPASSWORD) are right, then try again.{doubt}"
            )
        if state in _NOT_THERE:
            return BankError(f"{self} holds no bank; make one with `medsiam bank create`")
        if state == _RIGHTS:
            return BankError(
                f"{self}: the user lacks a right ({said}); ask who made the bank for it, "
                "see docs/bank.md"
            )
        if state == _LOCKED:
            return BankError(
                f"{self} is being written by another program (waited {BUSY_SECONDS} s); "
                "try again when it has finished"
            )
        if state.startswith(_NO_ROOM):
            return OutputError(f"{self} cannot be written ({said}); it keeps its last version")
        return damaged(self, said)


def _make_engine(address: PostgresAddress) -> Engine:
    try:
        import psycopg  # noqa: F401 - only to say what is missing
    except ImportError as error:
        raise MissingExtraError(
            "psycopg is not installed; `pip install 'medsiam[postgres]'` brings it"
        ) from error
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connect(address),
        pool_pre_ping=True,  # a server that was started again is met with a new connection
        pool_size=2,
        hide_parameters=True,
        use_native_hstore=False,
    )


def _connect(address: PostgresAddress) -> psycopg.Connection[Any]:
    import psycopg
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    from medsiam.bank.vector_type import WireVector

    class AsItIs(Dumper):
        format = Format.BINARY
        oid = 0  # the server takes it for what the column is

        def dump(self, obj: WireVector) -> bytes:
            return bytes(obj)

    class BinaryCursor(psycopg.Cursor[Any]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.format = Format.BINARY

    asked: dict[str, Any] = _DEFAULTS | address.parameters
    connection = psycopg.connect(autocommit=True, **asked)
    connection.execute(SEARCH_PATH, (address.bank,))
    connection.autocommit = False
    connection.adapters.register_dumper(WireVector, AsItIs)
    connection.cursor_factory = BinaryCursor
    return connection


def _first_line(message: str) -> str:
    return (message.strip().splitlines() or ["no reason was given"])[0].rstrip(". ")
