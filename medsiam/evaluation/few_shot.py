"""Few-shot accuracy for one number of shots, with its interval over subjects."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medsiam.errors import NothingToDoError
from medsiam.evaluation.episodes import (
    EpisodePlan,
    Episodes,
    draw_episodes,
    eligible_sources,
)
from medsiam.evaluation.influence import FewShotInfluence, few_shot_influence
from medsiam.evaluation.pairing import Cohort
from medsiam.evaluation.protocol import EpisodeProtocol
from medsiam.evaluation.prototypes import confusion, hits_of, name_queries
from medsiam.evaluation.result import FewShot, UnevenShots
from medsiam.evaluation.spread import Spread

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Scored:
    """Episodes and what came of them.

    Attributes:
        by_condition: (c,) accuracy; NaN for a condition that was in no episode.
        intervals: (c, 2).
    """

    episodes: Episodes
    named: Floats
    spread: Spread
    by_condition: Floats
    intervals: Floats


def measure_few_shot(
    embeddings: NDArray[np.floating], cohort: Cohort, *, n_shot: int, protocol: EpisodeProtocol
) -> tuple[FewShot, Spread]:
    """Draw episodes and name their queries by the nearest prototype.

    Conditions with fewer than n_shot + 1 subjects are left out, and named in the result.

    Args:
        embeddings: (n, d).
        cohort: conditions, subjects and who may meet.
        n_shot: support cases per condition.
        protocol: everything else.

    Raises:
        NothingToDoError: where too few conditions have enough subjects.
    """
    left_out = _too_small(cohort, n_shot)
    kept = np.isin(cohort.names, list(left_out), invert=True)
    x, part = np.asarray(embeddings, dtype=np.float64)[kept], cohort.part(kept)
    n_way = _n_way(part, left_out, n_shot, protocol)
    plan = EpisodePlan(
        n_shot=n_shot,
        n_way=n_way,
        n_episodes=protocol.n_episodes,
        n_query=protocol.n_query,
        random_state=protocol.random_state,
    )
    scored = _score(x, part, plan, protocol)
    low, high = scored.spread.interval()
    names = np.unique(part.names).tolist()
    took_part = np.isfinite(scored.by_condition)
    shares = confusion(scored.named, scored.episodes, part.labels, len(names))
    figure = FewShot(
        n_shot=n_shot,
        n_way=n_way,
        accuracy=scored.spread.value,
        low=low,
        high=high,
        chance=1 / n_way,
        majority=1 / n_way,
        n_subjects=len(np.unique(part.owners[scored.episodes.query])),
        n_episodes=protocol.n_episodes,
        by_condition={
            n: float(scored.by_condition[i]) for i, n in enumerate(names) if took_part[i]
        },
        left_out=left_out,
        intervals={
            n: (float(scored.intervals[i, 0]), float(scored.intervals[i, 1]))
            for i, n in enumerate(names)
            if took_part[i]
        },
        confusion={
            n: dict(zip(names, shares[i].tolist(), strict=True))
            for i, n in enumerate(names)
            if took_part[i]
        },
        uneven=_uneven(x, part, plan, protocol, scored) if protocol.uneven else None,
    )
    return figure, _for_all_subjects(scored.spread, cohort, kept)


def _score(x: Floats, cohort: Cohort, plan: EpisodePlan, protocol: EpisodeProtocol) -> _Scored:
    episodes = draw_episodes(cohort, plan)
    named = name_queries(x, episodes, metric=protocol.metric)
    hits = hits_of(named)
    labels = cohort.labels[episodes.query]
    asked = np.bincount(labels.ravel(), minlength=cohort.n_conditions)
    right = np.bincount(labels.ravel(), weights=hits.ravel(), minlength=cohort.n_conditions)
    by_condition = np.where(asked > 0, right / np.maximum(asked, 1), np.nan)

    def influence(label: int | None) -> FewShotInfluence:
        return few_shot_influence(
            hits,
            episodes,
            labels=cohort.labels,
            owners=cohort.owners,
            answers=cohort.answers,
            label=label,
        )

    def n_askers(chosen: NDArray[np.bool_]) -> int:
        return len(np.unique(cohort.owners[episodes.query[chosen]]))

    moves = influence(None)
    intervals = np.full((len(by_condition), 2), np.nan)
    for label in np.flatnonzero(asked):
        own = influence(int(label))
        n_asked = n_askers(labels == label)
        value = Spread(float(by_condition[label]), own.by_subject, own.extra, n_asked=n_asked)
        intervals[label] = value.interval()
    spread = Spread(
        float(np.nanmean(by_condition)),
        moves.by_subject,
        moves.extra,
        n_asked=n_askers(labels >= 0),
    )
    return _Scored(episodes, named, spread, by_condition, intervals)


def _uneven(
    x: Floats,
    cohort: Cohort,
    plan: EpisodePlan,
    protocol: EpisodeProtocol,
    balanced: _Scored,
) -> UnevenShots | None:
    """Shots drawn evenly from n - s to n + s for each condition of an episode, s at most n - 1.

    The mean stays n, so that imbalance alone is measured (M. Ochal et al., "Few-shot learning
    with class imbalance", 2021, arXiv:2101.02523). The smallest condition bounds s.
    """
    sizes = [_n_bank(cohort, label) for label in range(cohort.n_conditions)]
    reserve = 0 if cohort.one_sided else 1
    width = min(plan.n_shot - 1, min(sizes) - reserve - plan.n_shot)
    if width < 1 or cohort.sources == "one":
        return None
    uneven = replace(plan, spread=width)
    try:
        scored = _score(x, cohort, uneven, protocol)
    except NothingToDoError:  # the larger supports leave no query
        return None
    low, high = scored.spread.interval()
    loss = balanced.spread.value - scored.spread.value
    half = _half_width(balanced, scored)
    return UnevenShots(
        fewest=plan.n_shot - width,
        most=plan.n_shot + width,
        accuracy=scored.spread.value,
        low=low,
        high=high,
        loss=loss,
        loss_low=loss - half,
        loss_high=loss + half,
    )


def _half_width(first: _Scored, second: _Scored) -> float:
    """Half of the 95 % interval of the difference of two accuracies, paired over subjects.

    The influences hold the luck of both draws of episodes; `extra` takes it out again, but not
    below what so many episodes leave to luck.
    """
    moves = first.spread.by_subject - second.spread.by_subject
    n = len(moves)
    of_subjects = n / (n - 1) * float(np.sum((moves - moves.mean()) ** 2))
    variance = of_subjects + first.spread.extra + second.spread.extra
    return 1.96 * math.sqrt(max(variance, _luck(first) + _luck(second)))


def _luck(scored: _Scored) -> float:
    """Variance of the accuracy over draws of so many episodes."""
    by_episode = hits_of(scored.named).mean(axis=(1, 2))
    return float(by_episode.var()) / len(by_episode)


def _for_all_subjects(spread: Spread, cohort: Cohort, kept: NDArray[np.bool_]) -> Spread:
    """The same, with a place for the subjects of conditions that were left out."""
    by_subject = np.zeros(cohort.n_subjects)
    by_subject[np.unique(cohort.owners[kept])] = spread.by_subject
    return replace(spread, by_subject=by_subject)


def _n_bank(cohort: Cohort, label: int) -> int:
    own = (cohort.labels == label) & cohort.answers
    return len(np.unique(cohort.owners[own]))


def _too_small(cohort: Cohort, n_shot: int) -> dict[str, int]:
    """Conditions whose support would leave no subject to ask, and how many subjects they have."""
    left_out = {}
    for label, name in enumerate(np.unique(cohort.names).tolist()):
        n = _n_bank(cohort, label)
        nobody_asks = not (cohort.asks & (cohort.labels == label)).any()
        if nobody_asks or n < n_shot + (0 if cohort.one_sided else 1):
            left_out[name] = n
    return left_out


def _n_way(cohort: Cohort, left_out: dict[str, int], n_shot: int, protocol: EpisodeProtocol) -> int:
    n_left = cohort.n_conditions
    if cohort.sources == "one" and protocol.n_way is None:
        # As many conditions as some source has, where no number is asked for.
        for n_way in range(n_left, 2, -1):
            if len(eligible_sources(cohort, n_shot, n_way)):
                return n_way
    n_way = protocol.n_way or max(2, n_left)
    if n_left >= n_way:
        return n_way
    listed = ", ".join(f"{name} has {n}" for name, n in left_out.items())
    needed = n_shot + (0 if cohort.one_sided else 1)
    raise NothingToDoError(
        f"{n_shot}-shot needs {n_way} conditions with {needed} subjects each, and "
        f"{n_left or 'none'} of them {'has' if n_left == 1 else 'have'} that many"
        + (f" ({listed})" if listed else "")
    )
