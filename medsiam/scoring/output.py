"""The output folder of a run: made before any work is done, and freed of half-written files."""

from __future__ import annotations

from pathlib import Path

from medsiam.errors import OutputError, UsageError
from medsiam.scoring.extra import REPORTS
from medsiam.scoring.finishing import RESULTS
from medsiam.scoring.part import PARTS
from medsiam.scoring.run_state import RUN


def prepare_output(out: Path, scored: Path) -> Path:
    """Make the folder.

    Args:
        out: the output folder.
        scored: the folder that is scored.

    Raises:
        UsageError: it lies in the folder that is scored.
        OutputError: it cannot be made.
    """
    if out.resolve().is_relative_to(scored.resolve()):
        raise UsageError(f"{out} lies in the folder that is scored; choose another --out")
    try:
        (out / PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {out}: {error.strerror}; choose another --out"
        ) from error
    return out


def remove_rests(out: Path) -> None:
    """Remove half-written files of a run that was killed; only who holds the folder may."""
    of_run = (f".{name}.*" for name in (*RESULTS, RUN))
    for folder, forms in (
        (out, of_run),
        (out / PARTS, (".*.jsonl.*",)),
        (out / REPORTS, (".*.html.*",)),
    ):
        for form in forms:
            for rest in folder.glob(form):
                rest.unlink()
