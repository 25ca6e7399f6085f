"""The folder of a bank: the database, the encoder that fills it, and the kept scans."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection

from medsiam.bank.kept_scans import check_kept_scans, read_kept_scan, scan_path, write_scan
from medsiam.bank.sqlite_file import SqliteFile, create_tables, make_engine
from medsiam.bank.sqlite_store import SqliteStore
from medsiam.bank.store import BankFacts, ScanFacts
from medsiam.encoders.card import EncoderCard
from medsiam.encoders.exported import FILES, Exported, find_exported, write_exported
from medsiam.encoders.runtimes import RuntimeChoice
from medsiam.errors import BankError, OutputError
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.encoders import Encoder
    from medsiam.scans.scan import Scan

DATABASE = "bank.sqlite"
ENCODER = "encoder"
ENCODER_FILES = ("card.json", "weights.safetensors")
SCANS = "scans"


@contextmanager
def _draft(folder: Path, *, pixels: bool) -> Iterator[Path]:
    """Make everything beside the place, and move it there in one step: never half a bank."""
    draft = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.tmp"
    try:
        (draft / SCANS if pixels else draft).mkdir(parents=True)
        yield draft
        draft.replace(folder)
    except OSError as error:
        raise OutputError(f"bank {folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _digest_of_encoder(folder: Path) -> str:
    digests = []
    for name in ENCODER_FILES:
        with (folder / ENCODER / name).open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return digest_of_files(digests)


def digest_of_files(digests: Iterable[str]) -> str:
    """Return the checksum of an encoder from those of its files, in the order ENCODER_FILES."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


class BankFolder:
    """A `BankPlace` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.where = folder

    @property
    def reopened_by(self) -> str:
        """The whole path."""
        return str(self.where.resolve())

    @property
    def default_name(self) -> str:
        """The folder's name."""
        return self.where.absolute().name

    def make(self, encoder: Encoder, facts: BankFacts, *, who: str | None, why: str | None) -> None:
        """Make an empty bank in a folder that does not exist yet, or is empty.

        Raises:
            BankError: there is something already.
            OutputError: it cannot be written.
        """
        from medsiam.encoders import save_encoder

        self._check_free()
        with _draft(self.where, pixels=facts.keeps_pixels) as draft:
            save_encoder(encoder, draft / ENCODER)
            facts = replace(facts, encoder_digest=_digest_of_encoder(draft))
            SqliteStore.create(draft / DATABASE, facts, who=who, why=why)

    def _check_free(self) -> None:
        folder = self.where
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BankError(f"{folder} exists already; choose another place for the new bank")

    def make_filled(
        self,
        encoder_files: Mapping[str, bytes],
        fill: Callable[[Connection], None],
        kept: Iterable[tuple[str, bytes]] | None,
    ) -> None:
        """Make a bank of what another has; see `BankPlace`.

        Raises:
            BankError: there is something already.
            OutputError: it cannot be written.
        """
        self._check_free()
        with _draft(self.where, pixels=kept is not None) as draft:
            (draft / ENCODER).mkdir()
            for name, content in encoder_files.items():
                write_atomically(draft / ENCODER / name, content)
            path = draft / DATABASE
            with SqliteFile(path, create_tables(path)).transaction(writes=True) as connection:
                fill(connection)
            for key, content in kept or ():
                write_atomically(scan_path(draft / SCANS, key), content)

    def reading(self) -> AbstractContextManager[Connection]:
        """Run one transaction that reads the database."""
        path = self.where / DATABASE
        return SqliteFile(path, make_engine(path)).transaction()

    def encoder_files(self) -> dict[str, bytes]:
        """Return the encoder's files, and those of its graph where there is one."""
        names = [*ENCODER_FILES, *(n for n in FILES if (self.where / ENCODER / n).is_file())]
        return {name: (self.where / ENCODER / name).read_bytes() for name in names}

    def kept_files(self, hashes: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield content hash and file of each of these scans that is kept."""
        for key in hashes:
            path = scan_path(self.where / SCANS, key)
            if path.is_file():  # that of a removed case may be gone
                yield key, path.read_bytes()

    def open_store(self) -> SqliteStore:
        """Open the database; BankError where there is none."""
        if not self.where.is_dir():
            raise BankError(
                f"there is no bank at {self.where}; make one with `medsiam bank create`"
            )
        return SqliteStore.open(self.where / DATABASE)

    def read_card(self) -> EncoderCard:
        """Read the card of the bank's encoder, which needs no torch.

        Raises:
            BankError: the encoder is not there, or its card is none.
        """
        encoder = self.where / ENCODER
        for name in ENCODER_FILES:
            if not (encoder / name).is_file():
                raise BankError(
                    f"bank {self.where} is not whole: {ENCODER}/{name} is missing; restore it "
                    "from a copy"
                )
        try:
            return EncoderCard.model_validate_json((encoder / "card.json").read_bytes())
        except (OSError, ValidationError) as error:
            raise BankError(
                f"bank {self.where}: {ENCODER}/card.json is no encoder's card; restore it from a "
                "copy"
            ) from error

    def load_encoder(self, runtime: RuntimeChoice) -> Encoder:
        """See `load_encoder` of the encoders."""
        from medsiam.encoders import load_encoder

        return load_encoder(self.where / ENCODER, runtime=runtime, called=str(self.where))

    def find_exported(self, fingerprint: str) -> Exported | None:
        """See `exported.find_exported`."""
        return find_exported(self.where / ENCODER, fingerprint)

    def keep_exported(self, exported: Exported) -> None:
        """See `exported.write_exported`."""
        write_exported(exported, self.where / ENCODER)

    def check_encoder_files(self, facts: BankFacts) -> None:
        """Hold the encoder in the folder, byte by byte, against what was copied there.

        Raises:
            BankError: it is damaged.
        """
        if facts.encoder_digest and _digest_of_encoder(self.where) != facts.encoder_digest:
            raise BankError(
                f"bank {self.where}: its encoder ({ENCODER}/{' or '.join(ENCODER_FILES)}) is "
                "damaged or was exchanged; restore it from a copy"
            )

    def keep_scan(self, scan: Scan) -> str:
        """See `kept_scans.write_scan`."""
        return write_scan(scan, self.where / SCANS)

    def read_scan(self, facts: ScanFacts, *, case_id: str) -> Scan:
        """See `kept_scans.read_kept_scan`."""
        return read_kept_scan(facts, self.where / SCANS, case_id=case_id)

    def check_scans(self, kept: Iterable[tuple[str, ScanFacts]]) -> None:
        """See `kept_scans.check_kept_scans`."""
        check_kept_scans(kept, self.where / SCANS)
