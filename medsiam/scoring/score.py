"""Compare every series below a folder with a bank; a bad one costs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsiam.bank import Case, ReferenceBank
from medsiam.comparison import Comparison, check_scope, compare_embedding
from medsiam.comparison.result import Rule
from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.scans import FolderIndex, Scan, ScanSource, SkippedFile, index_folder
from medsiam.scoring.outcome import Failure, Outcome, Skip
from medsiam.scoring.read_ahead import ReadAhead, Reading
from medsiam.scoring.settings import Limits, Question

# Larger batches of 2D images are no faster on a processor, and batches of volumes are slower.
_MOST_AT_ONCE = {2: 8, 3: 1}


@dataclass(frozen=True)
class Answer:
    """What became of one of several sources.

    Attributes:
        place: of the source among them, from 0.
        outcome: None where it is known already.
        done: to be called when the outcome is kept, so that the next series is read.
        content: hash of its files, where that was asked for.
        scan: where it could be read.
    """

    place: int
    outcome: Outcome | None
    done: Callable[[], None] = field(repr=False)
    content: str | None = None
    scan: Scan | None = None


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
    # No worker reads on before its outcome was taken: what waits for an earlier one is bounded.
    for answer in answers(found, bank, question, limits=limits or Limits()):
        waiting[answer.place] = answer
        while (ready := waiting.pop(following, None)) is not None:
            assert ready.outcome is not None  # nothing is known beforehand
            yield ready.outcome, ready.scan
            ready.done()
            following += 1


def answers(
    sources: Sequence[ScanSource],
    bank: ReferenceBank,
    question: Question,
    *,
    limits: Limits,
    is_known: Callable[[int, str], bool] | None = None,
) -> Iterator[Answer]:
    """Yield an answer for each source as it comes; what headers exclude comes first.

    All of them are given by one version of the bank and by one calibration, whatever is added to
    the bank meanwhile.

    Args:
        sources: to compare.
        bank: to compare with.
        question: what is asked.
        limits: of each series.
        is_known: (place, content) -> whether this outcome is known; None: everything is compared.
    """
    snapshot = bank.snapshot()
    cases = snapshot.cases
    asked = []
    for place, source in enumerate(sources):
        reason = why_not(source, bank) or _out_of_scope(source, cases)
        if reason is None:
            asked.append(place)
        else:
            yield Answer(place, Skip(source.path, source.files, *reason), _nothing_waits)
    asker = _Asker(bank, question, snapshot.version, _calibration_number(bank))
    recipe = bank.encoder_card.recipe
    most = min(_MOST_AT_ONCE[recipe.spatial_dims], max(1, limits.workers // 2))
    reader = ReadAhead(
        [sources[place] for place in asked],
        recipe,
        limits=limits,
        allow_resample=question.allow_resample,
        is_known=None if is_known is None else lambda n, content: is_known(asked[n], content),
    )
    with reader:
        for batch in reader.batches(most):
            embeddings = asker.embed(batch)
            for reading, embedding in zip(batch, embeddings, strict=True):
                place = asked[reading.place]
                outcome = asker.outcome(sources[place], reading, embedding)
                yield Answer(place, outcome, reading.done, reading.content, reading.scan)


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
    return why_not(source, bank) or _out_of_scope(source, bank.snapshot().cases)


def _out_of_scope(source: ScanSource, cases: Sequence[Case]) -> tuple[str, str] | None:
    fault = check_scope([source.modality], [source.body_part], cases).fault
    return None if fault is None else ("out_of_scope", fault)


class _Asker:
    """Asks one version of a bank."""

    def __init__(
        self, bank: ReferenceBank, question: Question, version: int, calibration: int
    ) -> None:
        self._bank = bank
        self._question = question
        self._version = version
        self._calibration = calibration

    def embed(self, batch: Sequence[Reading]) -> list[NDArray[np.float32] | None]:
        """Embed what can be, in one pass; None for the rest."""
        tensors = [reading.tensor for reading in batch if reading.tensor is not None]
        if not tensors:
            return [None] * len(batch)  # nor is the encoder loaded
        import torch

        made = iter(self._bank.encoder.embed_tensors(torch.stack(tensors)))
        return [None if reading.tensor is None else next(made) for reading in batch]

    def outcome(
        self, source: ScanSource, reading: Reading, embedding: NDArray[np.float32] | None
    ) -> Outcome | None:
        """What became of a reading; None where that is known already."""
        if reading.known:
            return None
        try:
            if reading.fault is not None:
                raise reading.fault
            assert reading.scan is not None
            assert embedding is not None
            return self._compare(embedding, reading.scan)
        except ScanError as error:
            return Failure(source.path, source.files, error.code, str(error))
        except EncoderMismatchError as error:
            return Skip(source.path, source.files, "other_kind", str(error))

    def _compare(self, embedding: NDArray[np.float32], scan: Scan) -> Comparison:
        asked = self._question

        def by(calibration: int | None) -> Comparison:
            return compare_embedding(
                embedding,
                scan,
                self._bank,
                k=asked.k,
                metric=asked.metric,
                rule=asked.rule,
                version=self._version,
                calibration=calibration,
            )

        found = by(None)  # the newest is kept in memory; another one is read for each question
        used = 0 if found.calibration is None else found.calibration.number
        return found if used == self._calibration else by(self._calibration)


def _calibration_number(bank: ReferenceBank) -> int:
    """The calibration that goes with the newest version of a bank; 0 where there is none."""
    kept = bank.calibration
    return 0 if kept is None else kept.number


def _nothing_waits() -> None:
    """No worker has it in hand."""
