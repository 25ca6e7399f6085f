"""How a watcher comes to share an output folder with others, or makes it ready for them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from medsiam.errors import LockedError, UsageError
from medsiam.scoring.claims import CLAIMS
from medsiam.scoring.finishing import RESULTS
from medsiam.scoring.lock import RunLock
from medsiam.scoring.manifest import earlier_rows
from medsiam.scoring.output import remove_rests
from medsiam.scoring.part import kept_names, remove_part
from medsiam.scoring.pseudonymous import check_unmixed
from medsiam.scoring.run_state import RunState, check_resumable, read_state, write_state
from medsiam.scoring.series_name import Named

_PATIENCE_SECONDS = 5.0  # another one that begins has the folder for itself no longer


@contextmanager
def joined(out: Path, state: RunState, series: Sequence[Named], *, resume: bool) -> Iterator[None]:
    """Hold an output folder together with other watchers; whoever is alone makes it ready.

    Args:
        out: the folder.
        state: of this watcher's run.
        series: that lie in the folder that is watched.
        resume: whoever is alone refuses to begin anew.

    Raises:
        LockedError: a run that shares no work has the folder.
        UsageError: nothing to resume, the results there have other pseudonyms, or the other
            watchers were told something else.
        OutputError: it cannot be written.
    """
    lock = _shared(out, state, series, resume=resume)
    try:
        kept = read_state(out)
        others = () if kept is None else state.differences(kept)
        if others:
            raise UsageError(
                f"another watcher shares {out} and was told something else: it differs in "
                f"{', '.join(others)}; choose another --out"
            )
        yield
    finally:
        lock.__exit__(None, None, None)


def _shared(out: Path, state: RunState, series: Sequence[Named], *, resume: bool) -> RunLock:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with RunLock(out):
                _make_ready(out, state, series, resume=resume)
        except LockedError:
            pass  # whoever has it shares it or not: the next lock tells
        lock = RunLock(out, shared=True)
        try:
            lock.__enter__()
        except LockedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return lock


def _make_ready(out: Path, state: RunState, series: Sequence[Named], *, resume: bool) -> None:
    """Leave nothing in the folder that is of another run, or of nobody knows what."""
    earlier = read_state(out)
    check_unmixed(out, earlier, state.pseudonyms)
    if resume:
        check_resumable(state, earlier, out)
    remove_rests(out)
    for claim in (out / CLAIMS).glob("*"):
        claim.unlink()
    known: set[str] = set()
    if earlier is None or state.differences(earlier):
        for name in RESULTS:
            (out / name).unlink(missing_ok=True)
    else:
        known = {named.name for named in series} | {row["series"] for row in earlier_rows(out)}
    for name in [*kept_names(out)]:
        if name not in known:
            remove_part(out, name)
    write_state(state, out)
