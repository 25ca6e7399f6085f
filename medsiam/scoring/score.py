"""Compare every series below a folder with a bank; a bad one costs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.comparison.result import Rule
from medsiam.scans import FolderIndex, Scan, ScanSource, SkippedFile, index_folder
from medsiam.scoring.outcome import Failure, Outcome
from medsiam.scoring.scorer import Answer, Scorer
from medsiam.scoring.settings import Limits, Question


def score_folder(
    folder: Path | str,
    bank: ReferenceBank,
    *,
    k: int = 5,
    metric: str | None = None,
    rule: Rule | None = None,
    allow_resample: bool = False,
    limits: Limits | None = None,
) -> Iterator[Outcome]:
    """Yield one outcome for each DICOM series, NIfTI file and image below `folder`.

    A file that is a scan but cannot even be listed is a `Failure` as well; junk is left out. Series
    are read ahead in processes of their own; an outcome is yielded in the order of the folder.

    Args:
        folder: at any depth.
        bank: to compare with.
        k: matches to list.
        metric: as in `compare`.
        rule: as in `compare`.
        allow_resample: fill gaps between slices by interpolation instead of failing; the query's
            warnings of such a comparison say so.
        limits: of time and memory for each series.

    Raises:
        ScanError: `missing_file` where there is no such folder; no other fault of a file is raised.
        UsageError: a wrong setting.
    """
    index = index_folder(folder)
    yield from unreadable(index)
    compared = score_sources(
        index.sources,
        bank,
        k=k,
        metric=metric,
        rule=rule,
        allow_resample=allow_resample,
        limits=limits,
    )
    for outcome, _ in compared:
        yield outcome


def unreadable(index: FolderIndex) -> list[Failure]:
    """Return the files that were left out of the index though they are scans."""
    return [unlisted(skipped) for skipped in index.skipped if not skipped.is_foreign]


def unlisted(skipped: SkippedFile) -> Failure:
    """Return the failure of a scan that cannot be listed."""
    message = f"{skipped.path}: {skipped.reason}"
    return Failure(skipped.path, (skipped.path,), skipped.code, message)


def score_sources(
    sources: Iterable[ScanSource],
    bank: ReferenceBank,
    *,
    k: int = 5,
    metric: str | None = None,
    rule: Rule | None = None,
    allow_resample: bool = False,
    limits: Limits | None = None,
) -> Iterator[tuple[Outcome, Scan | None]]:
    """Yield the outcome of each source in their order, with its scan where it could be read.

    The settings are those of `score_folder`.
    """
    question = Question(k, metric, rule, allow_resample)
    found = tuple(sources)
    waiting: dict[int, Answer] = {}
    following = 0
    with Scorer(bank, question, limits or Limits()) as scorer:
        # No worker reads on before its outcome was taken: what waits for an earlier one is bounded.
        for answer in scorer.answers(found):
            waiting[answer.place] = answer
            while (ready := waiting.pop(following, None)) is not None:
                assert ready.outcome is not None  # nothing is known beforehand
                yield ready.outcome, ready.scan
                ready.done()
                following += 1
