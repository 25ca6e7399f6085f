"""Which series a bank can be asked about, by their headers alone."""

from __future__ import annotations

from collections.abc import Sequence

from medsiam.bank import Case, ReferenceBank
from medsiam.comparison import check_scope
from medsiam.scans import ScanSource


def why_not(source: ScanSource, bank: ReferenceBank) -> tuple[str, str] | None:
    """Return (code, reason) where the headers alone say that the bank cannot be asked."""
    dims = bank.encoder_card.recipe.spatial_dims
    if source.spatial_dims is not None and source.spatial_dims != dims:
        return (
            "other_dimension",
            f"a {source.spatial_dims}D scan; this bank compares {dims}D scans",
        )
    if len(bank.phases) > 1:
        return (
            "needs_several_scans",
            f"each case of this bank joins {len(bank.phases)} scans ({', '.join(bank.phases)}); "
            "use `medsiam compare` with all of them",
        )
    return None


def why_skipped(source: ScanSource, bank: ReferenceBank) -> tuple[str, str] | None:
    """Return (code, reason) where scoring leaves a series out by its headers.

    Besides `why_not` that is a kind of scan that the bank does not hold: who asks about one scan
    is told so in the verdict; who asks about a whole archive wants no pixel of it read.
    """
    return why_not(source, bank) or out_of_scope(source, bank.snapshot().cases)


def out_of_scope(source: ScanSource, cases: Sequence[Case]) -> tuple[str, str] | None:
    """Return (code, reason) where no case is of the kind that the header tells."""
    fault = check_scope([source.modality], [source.body_part], cases).fault
    return None if fault is None else ("out_of_scope", fault)
