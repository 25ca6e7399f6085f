"""Small cohorts and rankings for the tests of this room."""

from __future__ import annotations

import numpy as np

from medsiam.evaluation import EpisodeProtocol
from medsiam.evaluation.episodes import EpisodePlan, Episodes, draw_episodes
from medsiam.evaluation.pairing import Cohort, form_cohort
from medsiam.evaluation.prototypes import hits_of, name_queries
from medsiam.evaluation.ranking import Rankings, rank


def cohort_of(conditions, subjects, *, facts=None, **settings) -> Cohort:
    """A cohort as the protocol's `settings` pair it."""
    protocol = EpisodeProtocol(**settings)
    return form_cohort(
        [str(c) for c in conditions],
        [str(s) for s in subjects],
        facts=facts or {},
        protocol=protocol,
    )


def draw(conditions, subjects, *, n_shot, n_way=None, **plan) -> Episodes:
    """Episodes over all conditions, or `n_way` of them."""
    cohort = cohort_of(conditions, subjects)
    return draw_episodes(
        cohort, EpisodePlan(n_shot=n_shot, n_way=n_way or cohort.n_conditions, **plan)
    )


def score(x, episodes, metric="cosine"):
    """(e, w, n_query) share of each query that got its own condition."""
    return hits_of(name_queries(x, episodes, metric=metric))


def ranked(x, conditions, subjects, metric="euclidean", **settings) -> Rankings:
    """Rankings among all cases, or as the protocol's `settings` say."""
    cohort = cohort_of(conditions, subjects, **settings)
    return rank(x, cohort, metric=metric, random_state=0)


def clouds(sizes, *, gap=1.0, d=6, seed=0, cases=1):
    """Embeddings, conditions and subjects: one cloud per condition, `cases` of each subject."""
    rng = np.random.default_rng(seed)
    conditions = [name for name, n in sizes.items() for _ in range(n * cases)]
    subjects = [f"{name}{i}" for name, n in sizes.items() for i in range(n) for _ in range(cases)]
    centres = gap * np.eye(len(sizes), d)
    codes = np.unique(conditions, return_inverse=True)[1]
    return rng.normal(size=(len(codes), d)) + centres[codes], conditions, subjects
