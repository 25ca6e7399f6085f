"""Who may be compared with whom: never a subject with itself, and what the protocol says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medsiam.errors import UsageError
from medsiam.evaluation.protocol import EpisodeProtocol

Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cohort:
    """The cases of an evaluation, without their embeddings.

    Attributes:
        names: (n,) conditions.
        labels: (n,) the same as codes from 0, in alphabetical order.
        owners: (n,) subjects as codes from 0.
        origins: (n,) sources as codes from 0; all 0 where the rule is "any".
        sources: whether a query and its references come from any, one or different sources.
        asks: (n,) cases that are queries.
        answers: (n,) cases that queries are compared with.
    """

    names: NDArray[np.str_]
    labels: Codes
    owners: Codes
    origins: Codes
    sources: Literal["any", "one", "different"]
    asks: Mask
    answers: Mask

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_subjects(self) -> int:
        """Different subjects."""
        return int(self.owners.max(initial=-1)) + 1

    @property
    def n_conditions(self) -> int:
        """Different conditions."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def one_sided(self) -> bool:
        """True where some cases only ask or only answer, so that a pair has a direction."""
        return not (self.asks.all() and self.answers.all())

    def admissible(self, queries: Codes) -> Mask:
        """(b, n) whether each case may be compared with each of these queries (b,)."""
        allowed = self.owners[queries, None] != self.owners[None, :]
        allowed &= self.answers[None, :] & self.asks[queries, None]
        if self.sources == "one":
            allowed &= self.origins[queries, None] == self.origins[None, :]
        if self.sources == "different":
            allowed &= self.origins[queries, None] != self.origins[None, :]
        result: Mask = allowed
        return result

    def part(self, kept: Mask) -> Cohort:
        """The cohort of these cases alone; codes of subjects and conditions are made anew."""
        names = self.names[kept]
        return Cohort(
            names,
            np.unique(names, return_inverse=True)[1],
            np.unique(self.owners[kept], return_inverse=True)[1],
            self.origins[kept],
            self.sources,
            self.asks[kept],
            self.answers[kept],
        )


def form_cohort(
    conditions: Sequence[str],
    subjects: Sequence[str],
    *,
    facts: Mapping[str, Sequence[str | None]],
    protocol: EpisodeProtocol,
) -> Cohort:
    """Bring the cases into one cohort, as the protocol pairs them.

    Args:
        conditions: (n,).
        subjects: (n,).
        facts: column -> (n,) values.
        protocol: its splits and its rule on sources.

    Raises:
        UsageError: a split or a source that the protocol needs and the cases lack.
    """
    names = np.asarray(conditions, str)
    n = len(names)
    return Cohort(
        names,
        np.unique(names, return_inverse=True)[1],
        np.unique(np.asarray(subjects), return_inverse=True)[1],
        _origins(facts, protocol, n),
        protocol.sources,
        _of_split(facts, protocol.query_split, n),
        _of_split(facts, protocol.bank_split, n),
    )


def _of_split(facts: Mapping[str, Sequence[str | None]], wanted: str | None, n: int) -> Mask:
    if wanted is None:
        return np.ones(n, dtype=bool)
    values = facts.get("split", [None] * n)
    inside = np.array([value == wanted for value in values], dtype=bool)
    if not inside.any():
        known = ", ".join(sorted({value for value in values if value})) or "none"
        raise UsageError(f"no case has the split {wanted!r} of the protocol; there are: {known}")
    return inside


def _origins(facts: Mapping[str, Sequence[str | None]], protocol: EpisodeProtocol, n: int) -> Codes:
    if protocol.sources == "any":
        return np.zeros(n, dtype=np.intp)
    column = protocol.source_column
    values = facts.get(column, [None] * n)
    if not all(values):
        raise UsageError(
            f"sources = {protocol.sources!r} needs the column {column} for every case, and "
            f"{sum(not value for value in values)} of {n} have none; name another source_column"
        )
    return np.unique(np.array(values, dtype=str), return_inverse=True)[1]
