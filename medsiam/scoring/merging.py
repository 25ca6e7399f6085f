"""The shards of one folder, joined to what one run over all of it would have written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.errors import OutputError, UsageError
from medsiam.scoring.extra import REPORTS
from medsiam.scoring.finishing import finish_run, part_in
from medsiam.scoring.lock import RunLock
from medsiam.scoring.manifest import each_file_once, read_manifest
from medsiam.scoring.part import PARTS, kept_names, write_part
from medsiam.scoring.run_state import RunState, read_state, write_state
from medsiam.scoring.series_name import Shard


def merge_runs(folders: Sequence[Path | str], out: Path | str) -> RunState:
    """Join the outputs of all shards of one folder.

    Args:
        folders: one for each shard, in any order.
        out: a folder that is not there yet, or is empty.

    Returns:
        what the joined run is about.

    Raises:
        UsageError: a folder without a finished run, shards of different runs, one that is there
            twice or one that is missing.
        OutputError: `out` holds something, or cannot be written.
    """
    shards = {Path(folder): _finished(Path(folder)) for folder in folders}
    _check_complete(shards)
    target = Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target} holds something already; choose another --out")
    try:
        (target / PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {target}: {error.strerror}") from error
    with RunLock(target):
        joined = _joined(list(shards.values()))
        write_state(joined, target)
        places: dict[str, int] = {}
        with_pages = False
        for folder in shards:
            for name in kept_names(folder):
                part = part_in(folder, name)
                write_part(part, target)
                places[name] = part.place
            with_pages |= _copy_pages(folder, target)
        series = sorted(places, key=lambda name: places[name])
        rows = [row for folder in shards for row in read_manifest(folder)]
        rows.sort(key=lambda row: places.get(row["series"], len(places)))
        finish_run(joined, series, lambda _: each_file_once(rows), target, with_pages=with_pages)
    return joined


def _finished(folder: Path) -> RunState:
    state = read_state(folder)
    if state is None:
        raise UsageError(f"{folder}: no output of `medsiam score`")
    if state.state != "finished":
        raise UsageError(f"{folder}: this run is not finished; go on with `medsiam score --resume`")
    return state


def _check_complete(shards: dict[Path, RunState]) -> None:
    first = next(iter(shards.values()), None)
    if first is None or first.shard is None:
        raise UsageError("name the outputs of `medsiam score --shard 1/n` to `n/n`")
    for folder, state in shards.items():
        # The folder may lie elsewhere for each computer; what is in it must be the same.
        others = set(first.differences(state)) - {"shard", "folder"}
        if state.tree != first.tree:
            others.add("the files of the folder")
        if others or state.shard is None:
            what = ", ".join(sorted(others)) or "having no shard"
            raise UsageError(f"{folder}: no shard of the same run: it differs in {what}")
    found = [Shard.parse(state.shard or "") for state in shards.values()]
    n = found[0].of
    if any(shard.of != n for shard in found) or len({shard.number for shard in found}) < len(found):
        listed = ", ".join(map(str, found))
        raise UsageError(f"these are not the shards of one folder: {listed}")
    missing = sorted({*range(1, n + 1)} - {shard.number for shard in found})
    if missing:
        raise UsageError(f"missing shards: {', '.join(f'{number}/{n}' for number in missing)}")


def _joined(states: Sequence[RunState]) -> RunState:
    return replace(
        states[0],
        shard=None,
        state="started",
        finished=None,
        started=min(state.started for state in states),
        n_series=sum(state.n_series for state in states),
        n_files=sum(state.n_files for state in states),
    )


def _copy_pages(folder: Path, target: Path) -> bool:
    """Copy the pages of a shard; whether there are any."""
    pages = sorted((folder / REPORTS).glob("*.html"))
    if pages:
        (target / REPORTS).mkdir(exist_ok=True)
    for page in pages:
        shutil.copyfile(page, target / REPORTS / page.name)
    return bool(pages)
