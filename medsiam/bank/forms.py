"""The forms of a bank: an older one is read as it is, and upgraded by its first change."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from medsiam.bank import review_statements, rows, schema
from medsiam.errors import BankError

# Where the number is kept: in the header of the file, or in a table that says whose schema it is.
_READ = {"sqlite": "PRAGMA user_version", "postgresql": "SELECT form FROM medsiam_bank"}
_WRITE = {"sqlite": "PRAGMA user_version =", "postgresql": "UPDATE medsiam_bank SET form ="}


def form_of(connection: Connection) -> int:
    """Return the form of the bank as this transaction sees it."""
    return int(connection.exec_driver_sql(_READ[connection.dialect.name]).scalar_one())


def check_form(found: int, where: object) -> None:
    """Refuse a form that this program does not know.

    Raises:
        BankError: naming what to do.
    """
    if found > schema.SCHEMA_VERSION:
        raise BankError(
            f"{where} was written by a newer medsiam (form {found}, this one knows "
            f"{schema.SCHEMA_VERSION}); update medsiam; the bank was not touched"
        )
    if found < 1:
        raise BankError(
            f"{where} has an unknown form ({found}); restore it from a copy of the bank"
        )


def upgrade(connection: Connection) -> None:
    """Bring the bank to the newest form, within the transaction of its first change.

    Columns and tables are added; of the rows only removals of form 1 change: they get a checksum.

    Raises:
        BankError: what was fixed when the bank was made is damaged.
    """
    found = form_of(connection)
    if found == schema.SCHEMA_VERSION:
        return
    for table in schema.metadata.sorted_tables:
        if schema.since(table) > found:
            table.create(connection)
            continue
        for column in table.columns:
            if schema.since(column) > found:
                kind = column.type.compile(connection.dialect)
                connection.exec_driver_sql(
                    f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"
                )
    complete(connection, found)
    connection.exec_driver_sql(f"{_WRITE[connection.dialect.name]} {schema.SCHEMA_VERSION}")


def complete(connection: Connection, found: int) -> None:
    """Write what rows of an older form lack, into tables of the newest.

    Raises:
        BankError: what was fixed when the bank was made is damaged.
    """
    if found == 1:
        _seal_removals(connection)
    if found < schema.since(schema.reviews):
        stored = {row.key: row.value for row in connection.execute(select(schema.meta))}
        review_statements.begin_chain(connection, rows.facts_from_values(stored))


def _seal_removals(connection: Connection) -> None:
    cases = schema.cases
    removed = select(cases.c.id, cases.c.digest, cases.c.removed_version)
    for row in connection.execute(removed.where(cases.c.removed_version.is_not(None))).all():
        seal = schema.removal_digest(row.digest, row.removed_version)
        connection.execute(update(cases).where(cases.c.id == row.id).values(removal_digest=seal))
