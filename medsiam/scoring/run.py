"""One run into an output folder: each outcome is kept as it comes, and nothing is done twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.comparison.result import Comparison
from medsiam.errors import OutputError, UsageError
from medsiam.reports import Pseudonyms
from medsiam.scans import FolderIndex, ScanSource, SkippedFile
from medsiam.scoring.extra import REPORTS, Extra, Pages
from medsiam.scoring.finishing import RESULTS, finish_run, part_in
from medsiam.scoring.lock import RunLock
from medsiam.scoring.manifest import Row, manifest_rows
from medsiam.scoring.outcome import Failure, Outcome, Skip
from medsiam.scoring.part import PARTS, Part, Word, part_of, read_part, write_part
from medsiam.scoring.pseudonymous import (
    check_unmixed,
    hidden_outcome,
    hidden_rows,
    hidden_series,
)
from medsiam.scoring.run_state import RUN, new_state, read_state, write_state
from medsiam.scoring.score import Answer, answers, unlisted
from medsiam.scoring.series_name import Named, Shard, name_of_file, name_of_tree, named_series
from medsiam.scoring.settings import Limits, Question

# What a file did to its reader: with other limits it may end otherwise.
_BY_LIMITS = {"timed_out", "too_large", "reader_crashed"}

Seen = Callable[[Part, bool], None]


@dataclass(frozen=True)
class RunCounts:
    """What a run did.

    Attributes:
        outcomes: series by outcome.
        n_new: series that were compared or refused in this run; the others were known.
        n_foreign: files that are no scans.
    """

    outcomes: Mapping[Word, int]
    n_new: int
    n_foreign: int


def run_scoring(  # noqa: PLR0913 - what a run may be told, each by its name
    index: FolderIndex,
    bank: ReferenceBank,
    out: Path | str,
    question: Question | None = None,
    *,
    limits: Limits | None = None,
    shard: Shard | None = None,
    resume: bool = False,
    reports: bool = False,
    extras: Sequence[Extra] = (),
    pseudonyms: Pseudonyms | None = None,
    seen: Seen | None = None,
) -> RunCounts:
    """Score a folder into another one.

    Each outcome is kept in `parts/` as soon as it is known; at the end they become the tables, the
    manifest and the summary. An outcome whose key (content of the files, encoder, bank, settings,
    program) is in `parts/` already is taken from there, whether this run was interrupted before or
    is repeated. Whatever ends it - a signal, a power cut, a full disk - the same call goes on.

    Args:
        index: of the folder.
        bank: to compare with.
        out: is made where it is not there; results of another run in it are replaced.
        question: what each series is asked.
        limits: of each series.
        shard: the share of the folder to score; None: all.
        resume: refuse to begin anew: `out` must hold this very run.
        reports: also write one page for each scored series.
        extras: what else to write for each scored series.
        pseudonyms: for the study and patient of each series and the paths of its files, in all
            that is written.
        seen: told of each part as it is kept, and whether it was known before.

    Raises:
        LockedError: another run writes to `out`.
        OutputError: it cannot be written; what was kept before stays.
        UsageError: nothing to resume in it, it lies in the folder that is scored, or its results
            have other pseudonyms.
    """
    folder = Path(out)
    if folder.resolve().is_relative_to(index.folder.resolve()):
        raise UsageError(f"{folder} lies in the folder that is scored; choose another --out")
    _make(folder)
    with RunLock(folder):
        pages = Pages(folder, bank, pseudonymous=pseudonyms is not None)
        wanted = (*extras, pages) if reports else tuple(extras)
        asked = question or Question()
        return _Run(index, bank, folder, asked, limits or Limits(), shard, pseudonyms).go(
            wanted, resume=resume, with_pages=reports, seen=seen or _nobody
        )


class _Run:
    """A run that holds the lock."""

    def __init__(
        self,
        index: FolderIndex,
        bank: ReferenceBank,
        out: Path,
        question: Question,
        limits: Limits,
        shard: Shard | None,
        pseudonyms: Pseudonyms | None,
    ) -> None:
        self._index, self._bank, self._out = index, bank, out
        self._pseudonyms = pseudonyms
        self._question, self._limits, self._shard = question, limits, shard
        every = named_series(index, bank)
        self._series = [one for one in every if shard is None or shard.holds(one.name)]
        self._foreign = [
            skipped
            for skipped in index.skipped
            if skipped.is_foreign
            and (shard is None or shard.holds(name_of_file(skipped.path, index.folder, bank)))
        ]
        self._earlier = read_state(out)
        self._state = new_state(
            bank,
            question,
            index.folder,
            shard=shard,
            tree=name_of_tree(every, index, bank),
            n_series=len(self._series),
            n_files=len(_files_of(self._series)) + len(self._foreign),
            pseudonyms=None if pseudonyms is None else pseudonyms.check,
        )
        self._outcomes: Counter[Word] = Counter()
        self._n_new = 0

    def go(
        self, extras: Sequence[Extra], *, resume: bool, with_pages: bool, seen: Seen
    ) -> RunCounts:
        check_unmixed(self._out, self._earlier, self._state.pseudonyms)
        if resume:
            self._check_resumable()
        _remove_rests(self._out)
        if self._is_finished():
            state = self._earlier  # as long as nothing turns out to be new
        else:
            state = None
            self._begin()
        for named in self._series:
            if isinstance(named.found, SkippedFile):
                outcome = unlisted(named.found)
                self._keep(named, outcome, self._state.key(_by_header(outcome)), seen)
        sources = [one for one in self._series if isinstance(one.found, ScanSource)]
        for answer in self._answers(sources, extras):
            self._take(sources[answer.place], answer, extras, seen)
        complete = all((self._out / name).is_file() for name in RESULTS)
        if state is None or self._n_new or not complete:
            self._finish(with_pages=with_pages)
        return RunCounts(dict(self._outcomes), self._n_new, len(self._foreign))

    def _check_resumable(self) -> None:
        if self._earlier is None:
            raise UsageError(
                f"{self._out} holds no run to resume; leave out --resume to begin one there"
            )
        others = self._state.differences(self._earlier)
        if others:
            raise UsageError(
                f"{self._out} holds another run: it differs in {', '.join(others)}; leave out "
                "--resume to replace it, or choose another --out"
            )

    def _is_finished(self) -> bool:
        earlier = self._earlier
        return (
            earlier is not None
            and earlier.state == "finished"
            and not self._state.differences(earlier)
            and earlier.n_series == self._state.n_series
            and earlier.n_files == self._state.n_files
        )

    def _begin(self) -> None:
        """Say that a run is under way; tables of what was before would mislead."""
        for name in RESULTS:
            (self._out / name).unlink(missing_ok=True)
        write_state(self._state, self._out)

    def _answers(self, sources: Sequence[Named], extras: Sequence[Extra]) -> Iterator[Answer]:
        def is_known(place: int, content: str) -> bool:
            named = sources[place]
            part = self._known(named, self._state.key(content))
            return part is not None and (
                part.outcome != "scored" or all(extra.is_there(named.name) for extra in extras)
            )

        found = [one.found for one in sources if isinstance(one.found, ScanSource)]
        return answers(found, self._bank, self._question, limits=self._limits, is_known=is_known)

    def _take(self, named: Named, answer: Answer, extras: Sequence[Extra], seen: Seen) -> None:
        """Keep an answer, its extras first: what is kept is complete."""
        if answer.outcome is None:
            self._count_known(named, seen)
        else:
            outcome = hidden_outcome(answer.outcome, self._pseudonyms)
            if isinstance(outcome, Comparison):
                assert answer.scan is not None
                for extra in extras:
                    extra.write(named.name, outcome, answer.scan)
            content = answer.content
            if answer.scan is None and isinstance(answer.outcome, Skip):
                content = _by_header(answer.outcome)
            key = None if content is None else self._state.key(content)
            self._keep(named, outcome, key, seen)
        answer.done()

    def _keep(self, named: Named, outcome: Outcome, key: str | None, seen: Seen) -> None:
        if key is not None and isinstance(outcome, (Failure, Skip)) and self._known(named, key):
            self._count_known(named, seen)
            return
        if not self._n_new:
            self._begin()
        limits = (self._limits.wall_seconds, self._limits.memory_bytes)
        told = hidden_series(named, self._pseudonyms)
        part = part_of(told, outcome, self._index.folder, key=key, limits=limits)
        write_part(part, self._out)
        self._n_new += 1
        self._outcomes[part.outcome] += 1
        seen(part, False)

    def _known(self, named: Named, key: str) -> Part | None:
        part = read_part(self._out, named.name)
        if part is None or part.key != key:
            return None
        limits = (self._limits.wall_seconds, self._limits.memory_bytes)
        return None if part.code in _BY_LIMITS and part.limits != limits else part

    def _count_known(self, named: Named, seen: Seen) -> None:
        part = part_in(self._out, named.name)
        if part.place != named.place:  # files were added to the folder, or taken away
            part = replace(part, place=named.place)
            write_part(part, self._out)
        self._outcomes[part.outcome] += 1
        seen(part, True)

    def _finish(self, *, with_pages: bool) -> None:
        def manifest(parts: Mapping[str, Part]) -> list[Row]:
            rows = manifest_rows(
                self._index, self._bank, self._series, parts.__getitem__, shard=self._shard
            )
            return hidden_rows(rows, self._pseudonyms)

        names = [named.name for named in self._series]
        finish_run(self._state, names, manifest, self._out, with_pages=with_pages)


def _make(out: Path) -> None:
    """Make the folder before any work is done."""
    try:
        (out / PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {out}: {error.strerror}; choose another --out"
        ) from error


def _remove_rests(out: Path) -> None:
    """Half-written files of a run that was killed."""
    of_run = (f".{name}.*" for name in (*RESULTS, RUN))
    for folder, forms in (
        (out, of_run),
        (out / PARTS, (".*.jsonl.*",)),
        (out / REPORTS, (".*.html.*",)),
    ):
        for form in forms:
            for rest in folder.glob(form):
                rest.unlink()


def _files_of(series: Sequence[Named]) -> set[Path]:
    return {
        file
        for one in series
        for file in (one.found.files if isinstance(one.found, ScanSource) else (one.found.path,))
    }


def _by_header(outcome: Failure | Skip) -> str:
    """What is known without reading a series stands for its content."""
    said = outcome.message if isinstance(outcome, Failure) else outcome.reason
    return json.dumps(["by header", outcome.code, said])


def _nobody(part: Part, known: bool) -> None:
    """Nobody wants to be told."""
