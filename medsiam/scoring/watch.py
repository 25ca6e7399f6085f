"""A growing folder is scored as series come; several watchers of one folder share the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.errors import OutputError, ScanError, UsageError
from medsiam.reports import Pseudonyms
from medsiam.scans import GrowingFolder, Look, ScanSource
from medsiam.scoring.claims import Claims
from medsiam.scoring.extra import Extra, Pages
from medsiam.scoring.joining import joined
from medsiam.scoring.keeping import Keeping
from medsiam.scoring.output import prepare_output
from medsiam.scoring.part import Part, remove_part
from medsiam.scoring.quiet import Quiet
from medsiam.scoring.refreshing import Refreshing
from medsiam.scoring.run_state import RunState, new_state
from medsiam.scoring.scorer import Scorer
from medsiam.scoring.series_name import Named, name_of_tree, named_series
from medsiam.scoring.settings import Limits, Question

_LOOK_SECONDS = 1.0
_SHARE = 10  # the time from look to look, in times of what one takes
_AT_ONCE = 8  # series for each process that reads, before there is another look
_AGAIN_SECONDS = 1.0  # after another watcher had it in hand
_RETRY_SECONDS = 30.0  # after a full disk

Say = Callable[[str], None]
Seen = Callable[[Part, bool], None]


def watch_folder(  # noqa: PLR0913 - what a watch may be told, each by its name
    folder: Path | str,
    bank: ReferenceBank,
    out: Path | str,
    question: Question | None = None,
    *,
    limits: Limits | None = None,
    quiet_seconds: float = 10.0,
    resume: bool = False,
    reports: bool = False,
    extras: Sequence[Extra] = (),
    pseudonyms: Pseudonyms | None = None,
    seen: Seen = lambda part, known: None,
    refreshed: Callable[[], None] = lambda: None,
    say: Say = lambda text: None,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Score a folder into another one, again and again as it grows.

    What is kept, and under which key, is as for `run_scoring`. Series that are gone from the folder
    keep their results. Watchers of one folder may share an output folder: each series is scored by
    one of them.

    Args:
        folder: that grows.
        bank: to compare with, in its present version for as long as this lasts.
        out: is made where it is not there; results of another run in it are replaced.
        question: what each series is asked.
        limits: of each series.
        quiet_seconds: a series is scored when nothing of it changed for so long.
        resume: refuse to begin anew: `out` must hold this very run.
        reports: also write one page for each scored series.
        extras: what else to write for each scored series.
        pseudonyms: as for `run_scoring`.
        seen: told of each part while the series is still claimed, and whether it was known before.
        refreshed: is called when the results were made anew.
        say: is given one sentence about each thing that somebody should know.
        until: is asked now and then; without it only an exception ends this.

    Raises:
        LockedError: a run that shares no work writes to `out`.
        OutputError: it cannot be written at the beginning; later that is said, and tried again.
        UsageError: nothing to resume in it, it lies in the folder that is scored, or other watchers
            of it were told something else.
        ScanError: there is no such folder.
    """
    if Path(folder).is_file():
        raise UsageError(f"{folder} is no folder that could grow; leave out --watch")
    growing = GrowingFolder(folder)
    first = growing.look()
    target = prepare_output(Path(out), Path(folder))
    asked, limited = question or Question(), limits or Limits()
    state = _state_of(first, bank, asked, pseudonyms)
    with (
        joined(target, state, named_series(first.index, bank), resume=resume),
        Claims(target, say) as claims,
        Scorer(bank, asked, limited) as scorer,
    ):
        refreshing = Refreshing(
            target, state, bank, claims, with_pages=reports, pseudonyms=pseudonyms
        )
        pages = Pages(target, bank, pseudonymous=pseudonyms is not None)
        keeping = Keeping(
            target,
            state,
            Path(folder),
            limits=limited,
            extras=(*extras, pages) if reports else extras,
            changing=refreshing.begin,
            pseudonyms=pseudonyms,
        )
        at_once = _AT_ONCE * limited.workers
        watch = _Watch(growing, bank, keeping, claims, scorer, refreshing, Quiet(quiet_seconds))
        watch.go(at_once, seen, refreshed, say, until)


def _state_of(
    look: Look, bank: ReferenceBank, question: Question, pseudonyms: Pseudonyms | None
) -> RunState:
    series = named_series(look.index, bank)
    return new_state(
        bank,
        question,
        look.index.folder,
        shard=None,
        tree=name_of_tree(series, look.index, bank),
        n_series=len(series),
        n_files=len(look.stamps),
        pseudonyms=None if pseudonyms is None else pseudonyms.check,
    )


class _Watch:
    """Looks, scores what is quiet, refreshes the results, and looks again."""

    def __init__(
        self,
        growing: GrowingFolder,
        bank: ReferenceBank,
        keeping: Keeping,
        claims: Claims,
        scorer: Scorer,
        refreshing: Refreshing,
        quiet: Quiet,
    ) -> None:
        self._growing, self._bank = growing, bank
        self._keeping, self._claims, self._scorer = keeping, claims, scorer
        self._refreshing, self._quiet = refreshing, quiet
        self._look: Look | None = None
        self._series: dict[str, Named] = {}
        self._next_look = 0.0
        self._is_lost = False

    def go(
        self,
        at_once: int,
        seen: Seen,
        refreshed: Callable[[], None],
        say: Say,
        until: Callable[[], bool],
    ) -> None:
        while not until():
            try:
                self._look_again(say)
                due = self._quiet.due()[:at_once]
                self._score([self._series[name] for name in due], seen)
                if self._refresh(is_busy=bool(due)):
                    refreshed()
                if not due:
                    time.sleep(_LOOK_SECONDS / 5)
            except OutputError as error:
                say(f"{error}; tried again every {_RETRY_SECONDS:.0f} s")
                _wait(_RETRY_SECONDS, until)

    def _look_again(self, say: Say) -> None:
        """List the folder, unless that was done a moment ago; one that is away may come back."""
        began = time.monotonic()
        if began < self._next_look:
            return
        try:
            look: Look | None = self._growing.look()
            self._is_lost = False
        except ScanError as error:
            if not self._is_lost:
                say(f"{error}; looked for again and again")
            self._is_lost = True
            look = self._look
        if look is not None and look is not self._look:
            self._take_in(look)
        now = time.monotonic()
        self._next_look = now + max(_LOOK_SECONDS, _SHARE * (now - began))

    def _take_in(self, look: Look) -> None:
        series = {named.name: named for named in named_series(look.index, self._bank)}
        here = {file for named in series.values() for file in named.files}
        for name in self._series.keys() - series.keys():
            if not here.isdisjoint(self._series[name].files):
                remove_part(self._keeping.out, name)  # its files make another series now
        self._look, self._series = look, series
        self._quiet.see({name: look.stamp_of(named.found) for name, named in series.items()})

    def _score(self, due: Sequence[Named], seen: Seen) -> None:
        listed = []
        for named in due:
            if isinstance(named.found, ScanSource):
                listed.append((named, named.found))
            elif self._claims.take(named.name):
                self._keep(named, partial(self._keeping.take_unlisted, named), seen)
            else:
                self._quiet.postpone(named.name, _AGAIN_SECONDS)
        answers = self._scorer.answers(
            [source for _, source in listed],
            is_known=lambda place, content: self._keeping.knows(listed[place][0], content),
            claim=lambda place: self._claims.take(listed[place][0].name),
        )
        try:
            with closing(answers):
                for answer in answers:
                    named = listed[answer.place][0]
                    if answer.taken:
                        self._quiet.postpone(named.name, _AGAIN_SECONDS)
                    else:
                        self._keep(named, partial(self._keeping.take, named, answer), seen)
                    answer.done()
        finally:
            for named in due:
                self._claims.release(named.name)

    def _refresh(self, *, is_busy: bool) -> bool:
        if self._look is None:
            return False
        series = list(self._series.values())
        return self._refreshing.go(self._look.index, series, self._quiet.settled, busy=is_busy)

    def _keep(self, named: Named, take: Callable[[], tuple[Part, bool]], seen: Seen) -> None:
        """Keep what became of a series, unless it is no longer what it was when it was listed."""
        assert self._look is not None
        try:
            if self._look.is_still(named.found):
                part, known = take()
                seen(part, known)
                self._quiet.settle(named.name)
            else:
                self._quiet.postpone(named.name, _AGAIN_SECONDS)
                self._next_look = 0.0
        finally:
            self._claims.release(named.name)


def _wait(seconds: float, until: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        time.sleep(0.2)
