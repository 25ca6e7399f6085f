"""What the store asks of a database, whatever keeps its tables: one transaction at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection

from medsiam.errors import BankError


class Database(Protocol):
    """The tables of one bank. Its `str()` is what errors call it, without a password."""

    def transaction(self, *, writes: bool = False) -> AbstractContextManager[Connection]:
        """Run one transaction, which sees one state of the bank and is kept whole or not at all.

        Whoever `writes` does so alone: others wait for the end, readers do not.

        Raises:
            BankError, OutputError: whatever the database reports, with a remedy.
        """

    def check_structure(self) -> None:
        """Raise BankError where the tables themselves are damaged, beyond what rows tell."""

    def case_names(self, connection: Connection) -> list[tuple[int, str]]:
        """Return id and case_id of the newest version's cases, by a way round damaged rows."""


def damaged(where: object, what: str) -> BankError:
    """Return the error for a database that does not hold what was once stored in it."""
    return BankError(f"{where} is damaged ({what}); restore it from a copy of the bank")
