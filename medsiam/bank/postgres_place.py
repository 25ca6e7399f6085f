"""A bank on a PostgreSQL server: one schema with its tables, its encoder and its kept scans.

Whoever knows the address has all of it: the encoder's files and the kept scans are rows, so that a
second computer needs no folder of the first.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_leave

from medsiam.bank import schema, statements
from medsiam.bank.folder import ENCODER_FILES, digest_of_files
from medsiam.bank.kept_scans import READ_ON_OPENING, read_kept_scan, scan_path, write_scan
from medsiam.bank.postgres_address import PostgresAddress
from medsiam.bank.postgres_server import SEARCH_PATH, PostgresServer
from medsiam.bank.sql_store import SqlStore
from medsiam.encoders.card import EncoderCard
from medsiam.encoders.exported import FILES, Exported, check_exported
from medsiam.encoders.runtimes import RuntimeChoice
from medsiam.errors import BankError
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank.store import BankFacts, ScanFacts
    from medsiam.encoders import Encoder
    from medsiam.scans.scan import Scan

_LARGEST_FILE = 1 << 30  # bytes; what PostgreSQL takes in one value

metadata = MetaData()
# Says whose schema it is, and of which form.
_form = Table("medsiam_bank", metadata, Column("form", Integer, nullable=False))
_encoder = Table(
    "encoder_files",
    metadata,
    Column("name", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
_scans = Table(
    "kept_scans",
    metadata,
    Column("content_hash", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)


class PostgresPlace:
    """A `BankPlace` in a schema of its own."""

    def __init__(self, address: PostgresAddress) -> None:
        self.where = address
        self._server = PostgresServer(address)

    @property
    def reopened_by(self) -> str:
        """The address as it was given, with its password if it has one."""
        return self.where.secret_text

    @property
    def default_name(self) -> str:
        """The schema's name."""
        return self.where.bank

    def make(self, encoder: Encoder, facts: BankFacts, *, who: str | None, why: str | None) -> None:
        """Make an empty bank in a schema that does not exist yet, or is empty.

        Raises:
            BankError: there is something already, pgvector is missing, or a right.
        """
        from medsiam.encoders import save_encoder

        with tempfile.TemporaryDirectory() as folder:
            save_encoder(encoder, Path(folder) / "encoder")
            contents = [(Path(folder) / "encoder" / name).read_bytes() for name in ENCODER_FILES]
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        facts = replace(facts, encoder_digest=digest_of_files(digests))
        files = dict(zip(ENCODER_FILES, contents, strict=True))
        if encoder.exported is not None:
            files |= encoder.exported.files()
        self.make_of_files(files, facts, who=who, why=why)

    def make_of_files(
        self,
        encoder_files: Mapping[str, bytes],
        facts: BankFacts,
        *,
        who: str | None = None,
        why: str | None = None,
    ) -> None:
        """Make an empty bank from the files of an encoder, with these very facts; see `make`."""
        self.make_filled(
            encoder_files,
            lambda connection: statements.begin_bank(connection, facts, who=who, why=why),
            None,
        )

    def make_filled(
        self,
        encoder_files: Mapping[str, bytes],
        fill: Callable[[Connection], None],
        kept: Iterable[tuple[str, bytes]] | None,
    ) -> None:
        """Make a bank of what another has, in one transaction; see `BankPlace` and `make`."""
        with self._server.connection(writes=True) as connection:
            self._make_tables(connection)
            for name, content in encoder_files.items():
                connection.execute(insert(_encoder).values(name=name, content=content))
            fill(connection)
            for key, content in kept or ():
                connection.execute(insert(_scans).values(content_hash=key, content=content))

    def reading(self) -> AbstractContextManager[Connection]:
        """Run one transaction that reads the tables."""
        return self._server.transaction()

    def encoder_files(self) -> dict[str, bytes]:
        """Return the encoder's files, and those of its graph where there is one."""
        files = {name: self._encoder_file(name) for name in ENCODER_FILES}
        return files | self._graph_files()

    def _graph_files(self) -> dict[str, bytes]:
        query = select(_encoder.c.name, _encoder.c.content).where(_encoder.c.name.in_(FILES))
        with self._server.transaction() as connection:
            return {name: bytes(content) for name, content in connection.execute(query)}

    def kept_files(self, hashes: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield content hash and file of each of these scans that is kept."""
        for key in hashes:
            query = select(_scans.c.content).where(_scans.c.content_hash == key)
            with self._server.transaction() as connection:
                content = connection.execute(query).scalar()
            if content is not None:  # that of a removed case may be gone
                yield key, content

    def _make_tables(self, connection: Connection) -> None:
        bank, ask = self.where.bank, connection.exec_driver_sql
        held = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
        if ask(held, (bank,)).scalar():
            raise BankError(f"{self.where} exists already; choose another name for the new bank")
        if not ask("SELECT count(*) FROM pg_extension WHERE extname = 'vector'").scalar():
            self._bring_pgvector(connection)
        if ask("SELECT to_regnamespace(%s) IS NULL", (bank,)).scalar():
            ask(f'CREATE SCHEMA "{bank}"')
        ask(SEARCH_PATH, (bank,))  # anew, for pgvector may have come just now
        metadata.create_all(connection, checkfirst=False)
        schema.metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(_form), {"form": schema.SCHEMA_VERSION})

    def _bring_pgvector(self, connection: Connection) -> None:
        ask = connection.exec_driver_sql
        database = self.where.parameters["dbname"]
        there = ask("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'").scalar()
        superuser = ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").scalar()
        if not there:
            raise BankError(
                f"{self.where}: the server has no pgvector; ask its administrator to install it"
            )
        if not superuser:
            raise BankError(
                f"{self.where}: database {database} lacks the extension pgvector, and only an "
                "administrator may add it: ask for `CREATE EXTENSION vector` in that database"
            )
        ask("CREATE EXTENSION vector SCHEMA public")

    def open_store(self) -> SqlStore:
        """Open the tables; BankError where there are none."""
        return SqlStore(self._server)

    def read_card(self) -> EncoderCard:
        """Read the card; BankError where there is none."""
        try:
            return EncoderCard.model_validate_json(self._encoder_file("card.json"))
        except ValidationError as error:
            raise BankError(
                f"bank {self.where}: its encoder's card is damaged; restore it from a copy"
            ) from error

    def _encoder_file(self, name: str) -> bytes:
        with self._server.transaction() as connection:
            found = connection.execute(select(_encoder.c.content).where(_encoder.c.name == name))
            content: bytes | None = found.scalar()
        if content is None:
            raise BankError(
                f"bank {self.where} is not whole: its encoder's {name} is missing; "
                "restore it from a copy"
            )
        return content

    def load_encoder(self, runtime: RuntimeChoice) -> Encoder:
        """See `load_encoder` of the encoders."""
        from medsiam.encoders import load_encoder

        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.encoder_files().items():
                write_atomically(Path(folder) / name, content)
            return load_encoder(folder, runtime=runtime, called=str(self.where))

    def find_exported(self, fingerprint: str) -> Exported | None:
        """See `exported.check_exported`."""
        found = self._graph_files()
        if not found:
            return None
        return check_exported(found, fingerprint, where=f"bank {self.where}")

    def keep_exported(self, exported: Exported) -> None:
        """Replace the rows of the graph in one transaction."""
        rows = [{"name": name, "content": data} for name, data in exported.files().items()]
        with self._server.transaction(writes=True) as connection:
            connection.execute(delete(_encoder).where(_encoder.c.name.in_(FILES)))
            connection.execute(insert(_encoder), rows)

    def check_encoder_files(self, facts: BankFacts) -> None:
        """Raise BankError where the encoder is not, byte by byte, what was kept."""
        digest = func.encode(func.sha256(_encoder.c.content), "hex")
        with self._server.transaction() as connection:
            found = {n: d for n, d in connection.execute(select(_encoder.c.name, digest))}  # noqa: C416
        digests = [found.get(name, "") for name in ENCODER_FILES]
        if digest_of_files(digests) != facts.encoder_digest:
            raise BankError(
                f"bank {self.where}: its encoder is damaged or was exchanged; "
                "restore it from a copy"
            )

    def keep_scan(self, scan: Scan) -> str:
        """Keep a scan's values and geometry, once; return the sha256 of what is kept.

        Raises:
            BankError: it is larger than the server takes.
        """
        key = scan.content_hash
        with tempfile.TemporaryDirectory() as folder:
            write_scan(scan, Path(folder))
            content = scan_path(Path(folder), key).read_bytes()
        if len(content) >= _LARGEST_FILE:
            raise BankError(
                "the scan is larger than 1 GiB as a file, more than PostgreSQL takes; use a bank "
                "in a folder, or one without pixels"
            )
        digest = func.encode(func.sha256(_scans.c.content), "hex")
        with self._server.transaction(writes=True) as connection:
            row = insert_or_leave(_scans).values(content_hash=key, content=content)
            connection.execute(row.on_conflict_do_nothing())
            kept = connection.execute(select(digest).where(_scans.c.content_hash == key))
            return str(kept.scalar_one())

    def read_scan(self, facts: ScanFacts, *, case_id: str) -> Scan:
        """Return a kept scan; BankError where it is missing or damaged."""
        query = select(_scans.c.content).where(_scans.c.content_hash == facts.content_hash)
        with self._server.transaction() as connection:
            content: bytes | None = connection.execute(query).scalar()
        if content is None:
            raise self._spoiled(case_id, "missing")
        with tempfile.TemporaryDirectory() as folder:
            scan_path(Path(folder), facts.content_hash).write_bytes(content)
            try:
                return replace(read_kept_scan(facts, Path(folder), case_id=case_id), sources=())
            except BankError as error:
                raise self._spoiled(case_id, "damaged") from error

    def check_scans(self, kept: Iterable[tuple[str, ScanFacts]]) -> None:
        """Raise BankError where a scan is missing or damaged; the server does the sums.

        Those beyond the first GiB are only looked for, as in a folder.
        """
        so_far = func.sum(func.octet_length(_scans.c.content)).over(order_by=_scans.c.content_hash)
        digest = func.encode(func.sha256(_scans.c.content), "hex")
        query = select(_scans.c.content_hash, case((so_far <= READ_ON_OPENING, digest)))
        with self._server.transaction() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        for case_id, facts in kept:
            if facts.content_hash not in found:
                raise self._spoiled(case_id, "missing")
            if found[facts.content_hash] not in (None, facts.kept_digest):
                raise self._spoiled(case_id, "damaged")

    def _spoiled(self, case_id: str, how: str) -> BankError:
        return BankError(
            f"case {case_id}: its kept scan is {how} in bank {self.where}; restore it from a copy"
        )
