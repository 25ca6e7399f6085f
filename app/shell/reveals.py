"""Who has seen names is kept in the bank, in the same chain as the verdicts."""

from __future__ import annotations

from medsiam.comparison import identity_revealed
from shell.open_bank import the_bank
from shell.reader import the_reader


def keep_reveal(what: str) -> None:
    """Keep that this reader has had names shown.

    Args:
        what: the study, by its content, or what else was shown; no name.

    Raises:
        MedsiamError: it cannot be kept, so nothing must be shown.
    """
    bank = the_bank()
    bank.reviews.append(identity_revealed(what, bank, reader=the_reader()))
