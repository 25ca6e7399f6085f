"""The folder of a bank: the database, the encoder that fills it, and the kept scans."""

from __future__ import annotations

import secrets
import shutil
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
    for name in ("card.json", "weights.safetensors"):
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
