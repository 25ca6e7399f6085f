"""The folder of a bank: the database, the encoder that fills it, and the kept scans."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from medsiam.bank.sqlite_store import SqliteStore
from medsiam.bank.store import BankFacts
from medsiam.encoders.card import EncoderCard
from medsiam.errors import BankError, OutputError

if TYPE_CHECKING:
    from medsiam.encoders import Encoder

DATABASE = "bank.sqlite"
ENCODER = "encoder"
_ENCODER_FILES = ("card.json", "weights.safetensors")
SCANS = "scans"


def make_folder(
    folder: Path, encoder: Encoder, facts: BankFacts, *, who: str | None, why: str | None
) -> None:
    """Make the folder of an empty bank, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    from medsiam.encoders import save_encoder

    # Everything is made beside the place and moved there in one step: never half a bank.
    draft = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.tmp"
    try:
        (draft / SCANS if facts.keeps_pixels else draft).mkdir(parents=True)
        save_encoder(encoder, draft / ENCODER)
        facts = replace(facts, encoder_digest=_digest_of_encoder(draft))
        SqliteStore.create(draft / DATABASE, facts, who=who, why=why)
        draft.replace(folder)
    except OSError as error:
        raise OutputError(f"bank {folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read_card(folder: Path) -> EncoderCard:
    """Read the card of the bank's encoder, which needs no torch.

    Raises:
        BankError: the encoder is not there, or its card is none.
    """
    encoder = folder / ENCODER
    for name in _ENCODER_FILES:
        if not (encoder / name).is_file():
            raise BankError(
                f"bank {folder} is not whole: {ENCODER}/{name} is missing; restore it from a copy"
            )
    try:
        return EncoderCard.model_validate_json((encoder / "card.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise BankError(
            f"bank {folder}: {ENCODER}/card.json is no encoder's card; restore it from a copy"
        ) from error


def check_encoder_files(folder: Path, facts: BankFacts) -> None:
    """Hold the encoder in the folder, byte by byte, against what was copied there.

    Raises:
        BankError: it is damaged.
    """
    if facts.encoder_digest and _digest_of_encoder(folder) != facts.encoder_digest:
        raise BankError(
            f"bank {folder}: its encoder ({ENCODER}/{' or '.join(_ENCODER_FILES)}) is damaged or "
            "was exchanged; restore it from a copy"
        )


def _digest_of_encoder(folder: Path) -> str:
    digests = []
    for name in _ENCODER_FILES:
        with (folder / ENCODER / name).open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return hashlib.sha256("".join(digests).encode()).hexdigest()
