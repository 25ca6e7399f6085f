"""A whole bank from one place to another: a folder, a server, either way.

Rows are copied as they are, checksums and the readers' chain included, so that a copy has the same
cases in the same order, the same versions, calibrations and verdicts, and gives the same answers.
The salt goes along: a patient has the same hash in both. Nothing is shared afterwards.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, insert, select

from medsiam.bank import schema
from medsiam.bank.forms import complete, form_of
from medsiam.bank.place import bank_place
from medsiam.bank.reference_bank import ReferenceBank

_ROWS = 2_000  # in memory at a time


def copy_bank(source: Path | str, target: Path | str) -> ReferenceBank:
    """Copy a bank, and return the copy, opened and held against its checksums.

    Scans are copied that a case of any version holds; reviews as far as they are there when the
    copy begins. The source is checked first, and the target is made whole or not at all.

    Args:
        source: folder or address of a bank.
        target: folder or address where nothing is yet.

    Raises:
        BankError: the source cannot be used, or there is something at the target.
        OutputError: the target cannot be written.
    """
    keeps_pixels = ReferenceBank.open(source).keeps_pixels
    origin, place = bank_place(source), bank_place(target)
    with origin.reading() as reading:
        place.make_filled(
            origin.encoder_files(),
            lambda writing: copy_rows(reading, writing),
            origin.kept_files(_kept_hashes(reading)) if keeps_pixels else None,
        )
    return ReferenceBank.open(target)


def copy_rows(reading: Connection, writing: Connection) -> None:
    """Copy every row of every table within one transaction of each database."""
    form = form_of(reading)
    for table in schema.metadata.sorted_tables:
        if schema.since(table) > form:
            continue
        found = reading.execute(
            select(*schema.columns(table, form)).order_by(*table.primary_key.columns)
        )
        for part in found.mappings().partitions(_ROWS):
            writing.execute(insert(table), [dict(row) for row in part])
    complete(writing, form)


def _kept_hashes(reading: Connection) -> list[str]:
    scans = schema.scans
    return list(reading.execute(select(scans.c.content_hash).distinct()).scalars())
