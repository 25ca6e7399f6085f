"""Results of a folder that is watched: made anew after work came in, of what all watchers kept."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.reports import Pseudonyms
from medsiam.scans import FolderIndex
from medsiam.scoring.claims import Claims
from medsiam.scoring.finishing import write_results
from medsiam.scoring.manifest import Row, each_file_once, earlier_rows, manifest_rows
from medsiam.scoring.part import Part, kept_names
from medsiam.scoring.pseudonymous import hidden_rows
from medsiam.scoring.run_state import RunState, write_state
from medsiam.scoring.series_name import Named, below, n_files_of, name_of_tree

_BUSY_SECONDS = 60.0  # between two times while series wait
_SHARE = 10  # the time from end to begin, in times of what one takes
_CLAIM = "results"


class Refreshing:
    """Makes the results, one watcher at a time.

    Args:
        out: the output folder.
        state: of the run.
        bank: for the names of files.
        claims: of this watcher.
        with_pages: whether scored series have a page each.
        pseudonyms: for the paths of files.
        clock: seconds that never run backwards.
    """

    def __init__(
        self,
        out: Path,
        state: RunState,
        bank: ReferenceBank,
        claims: Claims,
        *,
        with_pages: bool,
        pseudonyms: Pseudonyms | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out, self._state, self._bank, self._claims = out, state, bank, claims
        self._with_pages = with_pages
        self._pseudonyms = pseudonyms
        self._clock = clock
        self._made_of: tuple[FolderIndex, Collection[str]] | None = None
        self._is_current = False
        self._next = 0.0
        self._next_busy = clock() + _BUSY_SECONDS

    def begin(self) -> None:
        """Say that what is kept is more than what the results hold, which stay as they are.

        Raises:
            OutputError: where it cannot be written.
        """
        if self._is_current:
            self._is_current = False
            write_state(replace(self._state, state="started", finished=None), self._out)

    def go(
        self,
        index: FolderIndex,
        series: Sequence[Named],
        settled: Collection[str],
        *,
        busy: bool,
    ) -> bool:
        """Make the results where there is something new, and it is time to.

        Args:
            index: of the folder as it was seen last.
            series: that lie in it.
            settled: names of those whose outcome is known to be of their present files.
            busy: whether others wait: then it is done once a minute at most.

        Returns:
            whether they were made.

        Raises:
            OutputError: where they cannot be written.
        """
        now = self._clock()
        is_new = not self._is_current or self._made_of is None or self._made_of[1] != settled
        if not is_new and self._made_of is not None and self._made_of[0] is index:
            return False
        # Where files came and nothing is scored yet, the results hardly change.
        if now < (self._next_busy if busy or not is_new else self._next):
            return False
        if not self._claims.take(_CLAIM):
            return False  # another watcher makes them; ours come after that
        try:
            self._make(index, series, settled)
        finally:
            self._claims.release(_CLAIM)
        self._made_of = (index, settled)
        self._is_current = True
        took = self._clock() - now
        self._next = self._clock() + _SHARE * took
        self._next_busy = max(self._next, self._clock() + _BUSY_SECONDS)
        return True

    def _make(self, index: FolderIndex, series: Sequence[Named], settled: Collection[str]) -> None:
        kept = {*kept_names(self._out)}
        present = [named for named in series if named.name in settled and named.name in kept]
        earlier = self._earlier(index, series, kept - {named.name for named in present})
        places = {named.name: named.place for named in series}
        # Those that are gone come last, as they did before.
        names = [named.name for named in present] + [*earlier]
        names.sort(key=lambda name: places.get(name, len(places)))

        def manifest(parts: Mapping[str, Part]) -> list[Row]:
            rows = manifest_rows(index, self._bank, present, parts.__getitem__)
            rows = hidden_rows(rows, self._pseudonyms)
            return each_file_once([*rows, *(row for rows in earlier.values() for row in rows)])

        self._state = replace(
            self._state,
            tree=name_of_tree(series, index, self._bank),
            n_series=len({*places} | {*names}),
            n_files=n_files_of(series) + sum(skipped.is_foreign for skipped in index.skipped),
        )
        write_results(self._state, names, manifest, self._out, with_pages=self._with_pages)

    def _earlier(
        self, index: FolderIndex, series: Sequence[Named], others: Collection[str]
    ) -> dict[str, list[Row]]:
        """Rows of what is kept and cannot be told from the folder as this watcher saw it.

        That is a series that changed and waits, one that is gone, or one that another watcher saw
        first. Where its files make another series now, it is of no use.
        """
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in earlier_rows(self._out):
            if row["series"] in others:
                rows[row["series"]].append(row)
        names = {named.name for named in series}
        here = {below(index.folder, file) for named in series for file in named.files}
        if self._pseudonyms is not None:
            here = set(map(self._pseudonyms.path, here))
        return {
            name: of_one
            for name, of_one in rows.items()
            if name in names or here.isdisjoint(row["path"] for row in of_one)
        }
