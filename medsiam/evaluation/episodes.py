"""N-way K-shot episodes: small banks and their queries, never with a subject on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.errors import NothingToDoError
from medsiam.evaluation.pairing import Cohort

Positions = NDArray[np.intp]

_ATTEMPTS = 200  # draws of an episode before it is given up


@dataclass(frozen=True, eq=False)
class Episodes:
    """Positions of cases in e episodes of w conditions.

    Attributes:
        support: (e, w, n_shot) cases of different subjects in each row; -1 for an empty place,
            where the shots are uneven.
        query: (e, w, n_query) cases of subjects that are nowhere in the episode's support.
    """

    support: Positions
    query: Positions


@dataclass(frozen=True)
class EpisodePlan:
    """How episodes are drawn.

    Attributes:
        n_shot: support cases per condition; their mean where they are uneven.
        spread: shots of a condition are drawn from n_shot - spread to n_shot + spread.
        n_way: conditions per episode.
        n_episodes: how many.
        n_query: queries per condition.
        random_state: seed.
    """

    n_shot: int
    n_way: int
    spread: int = 0
    n_episodes: int = 1000
    n_query: int = 10
    random_state: int = 0

    @property
    def most(self) -> int:
        """The largest number of shots."""
        return self.n_shot + self.spread


@dataclass(frozen=True, eq=False)
class _Pool:
    """The cases of one condition on one side, in order of their subjects.

    Attributes:
        subjects: (s,) codes.
        starts, sizes: (s,) where each subject's cases begin, and how many there are.
        cases: positions.
    """

    subjects: Positions
    starts: Positions
    sizes: Positions
    cases: Positions

    def pick(self, seats: Positions, rng: np.random.Generator) -> Positions:
        """One case of each subject; `seats` are places in `subjects`."""
        sizes = self.sizes[seats]
        offset = np.minimum((rng.random(seats.shape) * sizes).astype(np.intp), sizes - 1)
        return self.cases[self.starts[seats] + offset]


def draw_episodes(cohort: Cohort, plan: EpisodePlan) -> Episodes:
    """Draw episodes; the same arguments give the same episodes, whatever the embeddings.

    In each episode and for each condition, the support's subjects are drawn, then one case of
    each; queries come from the subjects that are left, again one case each, and these subjects are
    taken several times where they are fewer than `n_query`. Every condition thus has the same
    number of queries, however uneven the table is. With sources "different", a source in the
    episode's support asks nothing; with "one", each episode is drawn within one source.

    Args:
        cohort: each condition with subjects enough for the largest number of shots and a query.
        plan: everything else.

    Raises:
        NothingToDoError: where the conditions share so many subjects or sources that no support
            leaves a query to every condition.
    """
    rng = np.random.default_rng([plan.random_state, plan.n_shot, plan.spread])
    if cohort.sources != "one":
        return _draw(cohort, np.arange(len(cohort)), plan, plan.n_episodes, rng)
    origins = eligible_sources(cohort, plan.most, plan.n_way)
    if not len(origins):
        raise NothingToDoError(
            f"no source has {plan.n_way} conditions with "
            f"{plan.most + (0 if cohort.one_sided else 1)} subjects each"
        )
    shares = np.array_split(np.arange(plan.n_episodes), len(origins))
    parts = [
        _draw(cohort, np.flatnonzero(cohort.origins == origin), plan, len(share), rng)
        for origin, share in zip(origins, shares, strict=True)
        if len(share)
    ]
    return Episodes(
        np.concatenate([part.support for part in parts]),
        np.concatenate([part.query for part in parts]),
    )


def eligible_sources(cohort: Cohort, n_shot: int, n_way: int) -> Positions:
    """Sources within which episodes can be drawn."""
    eligible = [
        origin
        for origin in np.unique(cohort.origins)
        if len(_playing(cohort, np.flatnonzero(cohort.origins == origin), n_shot)) >= n_way
    ]
    return np.array(eligible, dtype=np.intp)


def _playing(cohort: Cohort, cases: Positions, n_shot: int) -> list[tuple[Positions, Positions]]:
    """Support and queries of each condition that has subjects enough, among these cases."""
    enough = n_shot + (0 if cohort.one_sided else 1)
    sides = []
    for label in np.unique(cohort.labels[cases]):
        own = cases[cohort.labels[cases] == label]
        bank, asker = own[cohort.answers[own]], own[cohort.asks[own]]
        if len(np.unique(cohort.owners[bank])) >= enough and len(asker):
            sides.append((bank, asker))
    return sides


def _draw(
    cohort: Cohort, cases: Positions, plan: EpisodePlan, n_episodes: int, rng: np.random.Generator
) -> Episodes:
    """Episodes among these cases; those without a query for every condition are drawn again."""
    sides = _playing(cohort, cases, plan.most)
    if len(sides) < plan.n_way:
        raise NothingToDoError(
            f"{plan.n_way} conditions are needed, and {len(sides)} have subjects enough for "
            f"{plan.most} shots and a query"
        )
    banks = [_pool(cohort, bank) for bank, _ in sides]
    askers = [_pool(cohort, asker) for _, asker in sides]
    support = np.full((n_episodes, plan.n_way, plan.most), -1, dtype=np.intp)
    query = np.empty((n_episodes, plan.n_way, plan.n_query), dtype=np.intp)
    open_ = np.arange(n_episodes)
    for _ in range(_ATTEMPTS):
        drawn, done = _attempt(cohort, banks, askers, plan, len(open_), rng)
        support[open_[done]], query[open_[done]] = drawn.support[done], drawn.query[done]
        open_ = open_[~done]
        if not len(open_):
            return Episodes(support, query)
    shared = "subjects" if cohort.sources != "different" else "subjects or sources"
    raise NothingToDoError(
        f"the conditions share so many {shared} that {plan.n_shot} of each cannot be kept apart "
        "from the queries"
    )


def _pool(cohort: Cohort, cases: Positions) -> _Pool:
    order = cases[np.argsort(cohort.owners[cases], kind="stable")]
    subjects, starts, sizes = np.unique(cohort.owners[order], return_index=True, return_counts=True)
    return _Pool(subjects, starts.astype(np.intp), sizes.astype(np.intp), order)


def _attempt(
    cohort: Cohort,
    banks: Sequence[_Pool],
    askers: Sequence[_Pool],
    plan: EpisodePlan,
    n: int,
    rng: np.random.Generator,
) -> tuple[Episodes, NDArray[np.bool_]]:
    """Episodes, and which of them left a query to every condition."""
    ways = np.argsort(rng.random((n, len(banks))), axis=1)[:, : plan.n_way]
    if plan.n_way == len(banks):
        ways = np.sort(ways, axis=1)
    shots = np.full(ways.shape, plan.n_shot)
    if plan.spread:
        shots = rng.integers(plan.n_shot - plan.spread, plan.most + 1, size=ways.shape)
    support = np.full((n, plan.n_way, plan.most), -1, dtype=np.intp)
    for label, pool in enumerate(banks):
        rows, way = np.nonzero(ways == label)
        seats = np.argsort(rng.random((len(rows), len(pool.subjects))), axis=1)[:, : plan.most]
        drawn = pool.pick(seats, rng)
        drawn[np.arange(plan.most)[None, :] >= shots[rows, way][:, None]] = -1
        support[rows, way] = drawn
    free = _free_subjects(cohort, support)
    query = np.zeros((n, plan.n_way, plan.n_query), dtype=np.intp)
    done = np.ones(n, dtype=bool)
    for label, pool in enumerate(askers):
        rows, way = np.nonzero(ways == label)
        open_ = free[rows[:, None], pool.subjects[None, :]]
        n_open = open_.sum(axis=1)
        order = np.argsort(rng.random(open_.shape) + ~open_, axis=1)  # the free ones first
        turns = np.arange(plan.n_query)[None, :] % np.maximum(n_open, 1)[:, None]
        query[rows, way] = pool.pick(np.take_along_axis(order, turns, axis=1), rng)
        done[rows[n_open == 0]] = False
    return Episodes(support, query), done


def _free_subjects(cohort: Cohort, support: Positions) -> NDArray[np.bool_]:
    """(n, n_subjects) who is not in the support, nor of a source that must differ from it."""
    n = len(support)
    seated = support.reshape(n, -1)
    rows = np.broadcast_to(np.arange(n)[:, None], seated.shape)[seated >= 0]
    taken = np.zeros((n, cohort.n_subjects), dtype=bool)
    taken[rows, cohort.owners[seated[seated >= 0]]] = True
    if cohort.sources == "different":
        home = np.zeros((int(cohort.origins.max()) + 1, cohort.n_subjects), dtype=bool)
        home[cohort.origins, cohort.owners] = True
        used = np.zeros((n, len(home)), dtype=bool)
        used[rows, cohort.origins[seated[seated >= 0]]] = True
        taken |= used @ home
    return ~taken
