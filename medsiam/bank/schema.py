"""Tables of a bank. Rows are added and never changed, but for `removed_version`.

meta         what was fixed when the bank was made
versions     one row per change
cases        what is known of each case; in a version if added_version <= number and it was
             not removed by then
scans        facts of each kept scan of a case
embeddings   one vector per scan, apart from the facts so that reading facts stays quick
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
    or_,
)

APPLICATION_ID = 0x4D534D42  # "MSMB", in the header of bank.sqlite
SCHEMA_VERSION = 1

metadata = MetaData()

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
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("case", ForeignKey("cases.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)


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
