"""One bank that is asked about any number of series; what reads them stays warm in between."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsiam.bank import ReferenceBank
from medsiam.comparison import Comparison, compare_embedding
from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.scans import ReadingWorker, Scan, ScanSource
from medsiam.scoring.outcome import Failure, Outcome, Skip
from medsiam.scoring.read_ahead import ReadAhead, Reading
from medsiam.scoring.scope import out_of_scope, why_not
from medsiam.scoring.settings import Limits, Question

# Larger batches of 2D images are no faster on a processor, and batches of volumes are slower.
_MOST_AT_ONCE = {2: 8, 3: 1}


@dataclass(frozen=True)
class Answer:
    """What became of one of several sources.

    Attributes:
        place: of the source among them, from 0.
        outcome: None where it is known already, or taken.
        done: to be called when the outcome is kept, so that the next series is read.
        content: hash of its files, where that was asked for.
        scan: where it could be read.
        taken: somebody else has it in hand.
    """

    place: int
    outcome: Outcome | None
    done: Callable[[], None] = field(repr=False)
    content: str | None = None
    scan: Scan | None = None
    taken: bool = False


class Scorer:
    """Asks a bank; use it in a `with` block, which ends the processes that read.

    All answers are given by one version of the bank and by one calibration, whatever is added to
    the bank meanwhile.

    Args:
        bank: to compare with.
        question: what is asked.
        limits: of each series.
    """

    def __init__(self, bank: ReferenceBank, question: Question, limits: Limits) -> None:
        snapshot = bank.snapshot()
        self._bank, self._question, self._limits = bank, question, limits
        self._cases, self._version = snapshot.cases, snapshot.version
        self._calibration = _calibration_number(bank)
        self._idle: list[ReadingWorker] = []

    def __enter__(self) -> Scorer:
        return self

    def __exit__(self, *error: object) -> None:
        while self._idle:
            self._idle.pop().close()

    def answers(
        self,
        sources: Sequence[ScanSource],
        *,
        is_known: Callable[[int, str], bool] | None = None,
        claim: Callable[[int], bool] | None = None,
    ) -> Generator[Answer, None, None]:
        """Yield an answer for each source as it comes; what headers exclude comes first.

        Args:
            sources: to compare.
            is_known: (place, content) -> whether this outcome is known; None: everything is
                compared.
            claim: place -> whether it is ours to answer; None: everything is.
        """
        asked = []
        for place, source in enumerate(sources):
            reason = why_not(source, self._bank) or out_of_scope(source, self._cases)
            if reason is None:
                asked.append(place)
            elif claim is None or claim(place):
                yield Answer(place, Skip(source.path, source.files, *reason), _nothing_waits)
            else:
                yield Answer(place, None, _nothing_waits, taken=True)
        recipe = self._bank.encoder_card.recipe
        most = min(_MOST_AT_ONCE[recipe.spatial_dims], max(1, self._limits.workers // 2))
        reader = ReadAhead(
            [sources[place] for place in asked],
            recipe,
            limits=self._limits,
            allow_resample=self._question.allow_resample,
            is_known=None if is_known is None else lambda n, content: is_known(asked[n], content),
            claim=None if claim is None else lambda n: claim(asked[n]),
            idle=self._idle,
        )
        with reader:
            for batch in reader.batches(most):
                embeddings = self._embed(batch)
                for reading, embedding in zip(batch, embeddings, strict=True):
                    place = asked[reading.place]
                    yield Answer(
                        place,
                        self._outcome(sources[place], reading, embedding),
                        reading.done,
                        reading.content,
                        reading.scan,
                        reading.taken,
                    )

    def _embed(self, batch: Sequence[Reading]) -> list[NDArray[np.float32] | None]:
        """Embed what can be, in one pass; None for the rest."""
        tensors = [reading.tensor for reading in batch if reading.tensor is not None]
        if not tensors:
            return [None] * len(batch)  # nor is the encoder loaded
        import torch

        made = iter(self._bank.encoder.embed_tensors(torch.stack(tensors)))
        return [None if reading.tensor is None else next(made) for reading in batch]

    def _outcome(
        self, source: ScanSource, reading: Reading, embedding: NDArray[np.float32] | None
    ) -> Outcome | None:
        """What became of a reading; None where that is known already, or somebody else's."""
        if reading.known or reading.taken:
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
