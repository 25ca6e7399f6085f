"""Where a bank is: what it keeps beside its tables, whatever keeps both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from medsiam.bank.postgres_address import (
    PostgresAddress,
    is_postgres_address,
    parse_postgres_address,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from medsiam.bank.store import BankFacts, CaseStore, ScanFacts
    from medsiam.encoders import Encoder
    from medsiam.encoders.card import EncoderCard
    from medsiam.encoders.exported import Exported
    from medsiam.encoders.runtimes import RuntimeChoice
    from medsiam.scans.scan import Scan


class BankPlace(Protocol):
    """The place of one bank, which need not be there yet."""

    @property
    def where(self) -> Path | PostgresAddress:
        """Folder or address; its `str()` is what people are shown."""

    @property
    def reopened_by(self) -> str:
        """What opens the bank in another process; it may hold a password, so it is never shown."""

    @property
    def default_name(self) -> str:
        """What a bank here is called where nobody names it."""

    def make(self, encoder: Encoder, facts: BankFacts, *, who: str | None, why: str | None) -> None:
        """Make an empty bank, whole or not at all.

        Raises:
            BankError: there is something already.
            OutputError: it cannot be written.
        """

    def make_filled(
        self,
        encoder_files: Mapping[str, bytes],
        fill: Callable[[Connection], None],
        kept: Iterable[tuple[str, bytes]] | None,
    ) -> None:
        """Make a bank of what another has: all of it, or nothing.

        Args:
            encoder_files: name -> content.
            fill: writes the rows of all tables.
            kept: content hash and file of each kept scan; None for a bank without pixels.

        Raises:
            BankError: there is something already.
            OutputError: it cannot be written.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Run one transaction that reads the tables."""

    def encoder_files(self) -> dict[str, bytes]:
        """Return the encoder's files, and those of its graph where there is one."""

    def kept_files(self, hashes: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield content hash and file of each of these scans that is kept."""

    def open_store(self) -> CaseStore:
        """Open the tables; BankError where there are none."""

    def read_card(self) -> EncoderCard:
        """Read the card of the bank's encoder, which needs no torch; BankError without one."""

    def load_encoder(self, runtime: RuntimeChoice) -> Encoder:
        """Read the bank's encoder; EncoderError where it is damaged, or lacks that runtime."""

    def find_exported(self, fingerprint: str) -> Exported | None:
        """Return the graph beside the encoder of that fingerprint; EncoderError: damaged."""

    def keep_exported(self, exported: Exported) -> None:
        """Put a graph beside the encoder; OutputError where that fails."""

    def check_encoder_files(self, facts: BankFacts) -> None:
        """Raise BankError where the encoder is not, byte by byte, what was kept."""

    def keep_scan(self, scan: Scan) -> str:
        """Keep a scan's values and geometry, and return the sha256 of what is kept."""

    def read_scan(self, facts: ScanFacts, *, case_id: str) -> Scan:
        """Return a kept scan; BankError where it is missing or damaged."""

    def check_scans(self, kept: Iterable[tuple[str, ScanFacts]]) -> None:
        """Raise BankError, naming the case, where a kept scan is missing or damaged."""


def is_bank(place: Path | str) -> bool:
    """Whether a path or an address is that of a bank, as far as it tells without opening it."""
    if is_postgres_address(place):
        return True
    from medsiam.bank.folder import DATABASE

    return (Path(place) / DATABASE).is_file()


def bank_place(place: Path | str) -> BankPlace:
    """Return the place that a folder's path or a server's address names.

    Raises:
        BankError: an address that is none.
        MissingExtraError: a server without the extra `postgres`.
    """
    if is_postgres_address(place):
        from medsiam.bank.postgres_place import PostgresPlace

        return PostgresPlace(parse_postgres_address(str(place)))
    from medsiam.bank.folder import BankFolder

    return BankFolder(Path(place))
