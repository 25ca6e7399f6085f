"""Tables of a bank. Rows are added and never changed, but for the two columns of a removal.

meta          what was fixed when the bank was made
versions      one row per change
cases         what is known of each case; in a version if added_version <= number and it was
              not removed by then
scans         facts of each scan of a case, the checksum of its kept file, the hash of its picture
embeddings    one vector per scan, apart from the facts so that reading facts stays quick
calibrations  what the distances of this bank mean, as one document each (since form 2)
reviews       what readers said, each one hung on the one before it (since form 4)
review_head   the one row that moves: how many reviews there are, and the digest of the newest

A column with `since` came with that form of the file: in an older bank it reads as NULL, see
`columns`. What it holds is covered by a row's checksum only where it says something, so that the
checksums of older rows hold on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    DDL,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    event,
    null,
    or_,
)

from medsiam.bank.vector_type import VectorBytes

APPLICATION_ID = 0x4D534D42  # "MSMB", in the header of bank.sqlite
SCHEMA_VERSION = 4

metadata = MetaData()


def _later(name: str, since: int = 2) -> Column[str]:
    return Column(name, Text, info={"since": since})


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("note", Text),
    Column("n_cases", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    _later("who"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("patient", Text),
    Column("proof", Text, nullable=False),
    Column("source", Text),
    Column("licence", Text),
    Column("added", Text, nullable=False),
    Column("notes", Text),
    Column("added_version", ForeignKey("versions.number"), nullable=False),
    Column("removed_version", ForeignKey("versions.number")),
    Column("digest", Text, nullable=False),
    _later("site"),
    _later("scanner"),
    _later("acquired"),
    _later("curator"),
    _later("pixels_checked_by"),
    _later("removal_digest"),
)
Index(
    "one_current_case_per_id",
    cases.c.case_id,
    unique=True,
    sqlite_where=cases.c.removed_version.is_(None),
    postgresql_where=cases.c.removed_version.is_(None),
)

scans = Table(
    "scans",
    metadata,
    Column("case", ForeignKey("cases.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("content_hash", Text, nullable=False, index=True),
    Column("spatial_dims", Integer, nullable=False),
    Column("shape", Text, nullable=False),
    Column("affine", Text),
    Column("spacing", Text),
    Column("modality", Text),
    Column("body_part", Text),
    Column("window", Text),
    Column("photometric", Text),
    _later("kept_digest"),
    _later("picture_hash", since=3),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("case", ForeignKey("cases.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("vector", VectorBytes, nullable=False),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("bank_version", ForeignKey("versions.number"), nullable=False),
    Column("created", Text, nullable=False),
    Column("who", Text),
    Column("document", Text, nullable=False),
    Column("digest", Text, nullable=False),
    info={"since": 2},
)

reviews = Table(
    "reviews",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time", Text, nullable=False),
    Column("reader", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("answer", Text),
    Column("study", Text, nullable=False, index=True),
    Column("case_id", Text),
    Column("condition", Text),
    Column("distance", Float),
    Column("rank", Integer),
    Column("bank_version", Integer, nullable=False),
    Column("encoder_fingerprint", Text, nullable=False),
    Column("guess", Text),
    Column("comment", Text),
    Column("refers_to", Integer),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    info={"since": 4},
)
# Against mishaps: who sets out to change a review removes these first, and the chain tells.
for _change in ("UPDATE", "DELETE"):
    _refusal = DDL(  # type: ignore[no-untyped-call]
        f"CREATE TRIGGER reviews_refuse_{_change.lower()} BEFORE {_change} ON reviews "
        "BEGIN SELECT RAISE(ABORT, 'a review is never changed'); END"
    )
    event.listen(reviews, "after_create", _refusal.execute_if(dialect="sqlite"))
for _statement in (
    "CREATE FUNCTION reviews_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'a review is never changed'; END $$",
    "CREATE TRIGGER reviews_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON reviews "
    "FOR EACH STATEMENT EXECUTE FUNCTION reviews_refuse()",
):
    _refusal = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(reviews, "after_create", _refusal.execute_if(dialect="postgresql"))

review_head = Table(
    "review_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("n_reviews", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("seal", Text, nullable=False),
    info={"since": 4},
)


def since(item: Table | Column[Any]) -> int:
    """Return the form of the file that brought this table or column."""
    return int(item.info.get("since", 1))


def columns(table: Table, form: int) -> list[ColumnElement[Any]]:
    """Return all columns of a table, to read from a bank of this form."""
    return [c if since(c) <= form else null().label(c.name) for c in table.columns]


def in_version(number: int) -> ColumnElement[bool]:
    """Return the filter on `cases` that makes one version out of all that was ever added."""
    removed = cases.c.removed_version
    return and_(cases.c.added_version <= number, or_(removed.is_(None), removed > number))


def digest(values: object, blobs: Iterable[bytes] = ()) -> str:
    """Return the checksum of stored values, so that damage in the file is found when read."""
    total = hashlib.sha256(json.dumps(values, default=repr).encode())
    for blob in blobs:
        total.update(blob)
    return total.hexdigest()


def removal_digest(case_digest: str, removed_version: int) -> str:
    """Return the checksum of a removal, which comes after the checksum of the case itself."""
    return digest([case_digest, removed_version])
