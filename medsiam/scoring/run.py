"""One run into an output folder: each outcome is kept as it comes, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.reports import Pseudonyms
from medsiam.scans import FolderIndex, ScanSource, SkippedFile
from medsiam.scoring.extra import Extra, Pages
from medsiam.scoring.finishing import RESULTS, finish_run
from medsiam.scoring.keeping import Keeping
from medsiam.scoring.lock import RunLock
from medsiam.scoring.manifest import Row, manifest_rows
from medsiam.scoring.output import prepare_output, remove_rests
from medsiam.scoring.part import Part, Word
from medsiam.scoring.pseudonymous import check_unmixed, hidden_rows
from medsiam.scoring.run_state import check_resumable, new_state, read_state, write_state
from medsiam.scoring.scorer import Scorer
from medsiam.scoring.series_name import Shard, n_files_of, name_of_file, name_of_tree, named_series
from medsiam.scoring.settings import Limits, Question

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
    folder = prepare_output(Path(out), index.folder)
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
            n_files=n_files_of(self._series) + len(self._foreign),
            pseudonyms=None if pseudonyms is None else pseudonyms.check,
        )
        self._outcomes: Counter[Word] = Counter()
        self._n_new = 0

    def go(
        self, extras: Sequence[Extra], *, resume: bool, with_pages: bool, seen: Seen
    ) -> RunCounts:
        check_unmixed(self._out, self._earlier, self._state.pseudonyms)
        if resume:
            check_resumable(self._state, self._earlier, self._out)
        remove_rests(self._out)
        is_finished = self._is_finished()  # as long as nothing turns out to be new
        if not is_finished:
            self._begin()
        keeping = Keeping(
            self._out,
            self._state,
            self._index.folder,
            limits=self._limits,
            extras=extras,
            changing=self._change,
            pseudonyms=self._pseudonyms,
        )
        for named in self._series:
            if isinstance(named.found, SkippedFile):
                self._count(*keeping.take_unlisted(named), seen)
        listed = [(one, one.found) for one in self._series if isinstance(one.found, ScanSource)]
        with Scorer(self._bank, self._question, self._limits) as scorer:
            for answer in scorer.answers(
                [source for _, source in listed],
                is_known=lambda place, content: keeping.knows(listed[place][0], content),
            ):
                self._count(*keeping.take(listed[answer.place][0], answer), seen)
                answer.done()
        complete = all((self._out / name).is_file() for name in RESULTS)
        if not is_finished or self._n_new or not complete:
            self._finish(with_pages=with_pages)
        return RunCounts(dict(self._outcomes), self._n_new, len(self._foreign))

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

    def _change(self) -> None:
        if not self._n_new:
            self._begin()

    def _count(self, part: Part, known: bool, seen: Seen) -> None:
        self._outcomes[part.outcome] += 1
        self._n_new += not known
        seen(part, known)

    def _finish(self, *, with_pages: bool) -> None:
        def manifest(parts: Mapping[str, Part]) -> list[Row]:
            rows = manifest_rows(
                self._index, self._bank, self._series, parts.__getitem__, shard=self._shard
            )
            return hidden_rows(rows, self._pseudonyms)

        names = [named.name for named in self._series]
        finish_run(self._state, names, manifest, self._out, with_pages=with_pages)


def _nobody(part: Part, known: bool) -> None:
    """Nobody wants to be told."""
