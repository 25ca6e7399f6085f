"""The column type of a vector: float32 as bytes in SQLite, pgvector's `vector` in PostgreSQL.

On the wire a `vector` is its length, two bytes of nothing, and big-endian float32 (`vector_send` in
pgvector); so every bit comes back, and the checksum of a case is the same in either database.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Dialect, LargeBinary, TypeDecorator
from sqlalchemy.types import TypeEngine, UserDefinedType

_HEAD = 4  # bytes before the first value


class WireVector(bytes):
    """A vector as pgvector takes it; the connection sends it without a type of its own."""


class VectorBytes(TypeDecorator[bytes]):
    """Little-endian float32 values, one after the other."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return what this database has for it."""
        return dialect.type_descriptor(_Vector() if _is_server(dialect) else LargeBinary())

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Return what is sent."""
        return to_wire(value) if value is not None and _is_server(dialect) else value

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Return what was stored."""
        return from_wire(value) if value is not None and _is_server(dialect) else value


class _Vector(UserDefinedType[bytes]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Name the type in a table; without a length, which the bank checks itself."""
        return "vector"


def to_wire(values: bytes) -> WireVector:
    """Return float32 values as pgvector's binary form."""
    numbers = np.frombuffer(values, "<f4")
    return WireVector(len(numbers).to_bytes(2, "big") + b"\0\0" + numbers.astype(">f4").tobytes())


def from_wire(sent: bytes) -> bytes:
    """Return the float32 values of pgvector's binary form."""
    return np.frombuffer(sent, ">f4", offset=_HEAD).astype("<f4").tobytes()


def _is_server(dialect: Dialect) -> bool:
    return dialect.name == "postgresql"
