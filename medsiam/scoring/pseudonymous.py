"""A run whose output carries pseudonyms: what is replaced, and that nothing else is among it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from medsiam.comparison.result import Comparison
from medsiam.errors import UsageError
from medsiam.reports import Pseudonyms
from medsiam.scans import FAULTS, ScanSource
from medsiam.scoring.manifest import Row
from medsiam.scoring.outcome import Outcome
from medsiam.scoring.run_state import RunState
from medsiam.scoring.series_name import Named


def hidden_outcome(outcome: Outcome, pseudonyms: Pseudonyms | None) -> Outcome:
    """Return what became of a series, with its study under pseudonyms where there are any."""
    if pseudonyms is None or not isinstance(outcome, Comparison):
        return outcome
    return pseudonyms.of_comparison(outcome)


def hidden_series(named: Named, pseudonyms: Pseudonyms | None) -> Named:
    """Return a series with its UID under a pseudonym, to be told of and no longer to be read."""
    found = named.found
    if pseudonyms is None or not isinstance(found, ScanSource) or found.series_uid is None:
        return named
    return replace(named, found=replace(found, series_uid=pseudonyms.uid(found.series_uid)))


def hidden_rows(rows: Iterable[Row], pseudonyms: Pseudonyms | None) -> list[Row]:
    """Return the rows of a manifest with paths under pseudonyms.

    What is said of a file that belongs to no series may quote a name: what its code means stands
    instead.
    """
    if pseudonyms is None:
        return list(rows)
    hidden = []
    for row in rows:
        told = row["message"] if row["series"] else FAULTS[row["code"]].matters
        hidden.append({**row, "path": pseudonyms.path(row["path"]), "message": told})
    return sorted(hidden, key=lambda row: row["path"])


def check_unmixed(out: Path, earlier: RunState | None, check: str | None) -> None:
    """Refuse to put results under pseudonyms beside others.

    Args:
        out: the output folder.
        earlier: what the run in it is about; None where that is not known.
        check: of the key; None without pseudonyms.

    Raises:
        UsageError: it holds, or may hold, results without pseudonyms, or under another key.
    """
    if earlier is None:
        named = ("parts", "reports", "dicom", "outbox")
        is_mixed = check is not None and any(any((out / name).glob("*")) for name in named)
    else:
        is_mixed = earlier.pseudonyms != check
    if is_mixed:
        raise UsageError(
            f"{out} holds results without these pseudonyms; name the KEYFILE of that run with "
            "--pseudonymise (or leave it out if that run had none), or choose another --out"
        )
