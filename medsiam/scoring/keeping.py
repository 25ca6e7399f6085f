"""Keeps the outcome of each series in an output folder, and knows those that are kept there."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.comparison.result import Comparison
from medsiam.reports import Pseudonyms
from medsiam.scans import SkippedFile
from medsiam.scoring.extra import Extra
from medsiam.scoring.finishing import part_in
from medsiam.scoring.outcome import Failure, Outcome, Skip
from medsiam.scoring.part import Part, part_of, read_part, write_part
from medsiam.scoring.pseudonymous import hidden_outcome, hidden_series
from medsiam.scoring.run_state import RunState
from medsiam.scoring.score import unlisted
from medsiam.scoring.scorer import Answer
from medsiam.scoring.series_name import Named
from medsiam.scoring.settings import Limits

# What a file did to its reader: with other limits it may end otherwise.
_BY_LIMITS = {"timed_out", "too_large", "reader_crashed"}


class Keeping:
    """The outcomes in one folder.

    Args:
        out: the output folder.
        state: of the run, which makes the keys.
        root: the folder that is scored.
        limits: that the reading of a series is given.
        extras: what else is written for each compared series.
        changing: is called before a new outcome is kept.
        pseudonyms: for what names a study.
    """

    def __init__(
        self,
        out: Path,
        state: RunState,
        root: Path,
        *,
        limits: Limits,
        extras: Sequence[Extra],
        changing: Callable[[], None],
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self.out = out
        self._state, self._root = state, root
        self._limits = (limits.wall_seconds, limits.memory_bytes)
        self._extras = tuple(extras)
        self._changing = changing
        self._pseudonyms = pseudonyms

    def knows(self, named: Named, content: str) -> bool:
        """Whether the outcome for this content is kept, and all that belongs to it is there."""
        part = self._known(named, self._state.key(content))
        return part is not None and (
            part.outcome != "scored" or all(extra.is_there(named) for extra in self._extras)
        )

    def take(self, named: Named, answer: Answer) -> tuple[Part, bool]:
        """Keep an answer, its extras first: what is kept is complete.

        Returns:
            what is kept, and whether it was known before.

        Raises:
            OutputError: where it cannot be written.
        """
        if answer.outcome is None:
            return self._in_place(named), True
        outcome = hidden_outcome(answer.outcome, self._pseudonyms)
        if isinstance(outcome, Comparison):
            assert answer.scan is not None
            for extra in self._extras:
                extra.write(named, outcome, answer.scan)
        content = answer.content
        if answer.scan is None and isinstance(answer.outcome, Skip):
            content = _by_header(answer.outcome)
        return self._keep(named, outcome, content)

    def take_unlisted(self, named: Named) -> tuple[Part, bool]:
        """Keep what the listing says of a scan that cannot be listed; see `take`."""
        assert isinstance(named.found, SkippedFile)
        outcome = unlisted(named.found)
        return self._keep(named, outcome, _by_header(outcome))

    def _keep(self, named: Named, outcome: Outcome, content: str | None) -> tuple[Part, bool]:
        key = None if content is None else self._state.key(content)
        if key is not None and isinstance(outcome, (Failure, Skip)) and self._known(named, key):
            return self._in_place(named), True
        self._changing()
        told = hidden_series(named, self._pseudonyms)
        part = part_of(told, outcome, self._root, key=key, limits=self._limits)
        write_part(part, self.out)
        return part, False

    def _known(self, named: Named, key: str) -> Part | None:
        part = read_part(self.out, named.name)
        if part is None or part.key != key:
            return None
        return None if part.code in _BY_LIMITS and part.limits != self._limits else part

    def _in_place(self, named: Named) -> Part:
        part = part_in(self.out, named.name)
        if part.place != named.place:  # files were added to the folder, or taken away
            part = replace(part, place=named.place)
            write_part(part, self.out)
        return part


def _by_header(outcome: Failure | Skip) -> str:
    """What is known without reading a series stands for its content."""
    said = outcome.message if isinstance(outcome, Failure) else outcome.reason
    return json.dumps(["by header", outcome.code, said])
