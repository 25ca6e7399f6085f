"""Episodes: no subject on both sides, balanced queries, the same answers as plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from medsiam.errors import NothingToDoError
from medsiam.evaluation.episodes import draw_episodes, score_queries

# Two to four conditions, each with the subjects of its cases: at least four different ones.
tables = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.integers(0, 3), max_size=6).flatmap(
        lambda again: st.sets(st.integers(0, 12), min_size=4).map(lambda own: [*own, *again])
    ),
    min_size=2,
)


@given(
    table=tables,
    shared=st.booleans(),
    n_shot=st.integers(1, 3),
    n_query=st.integers(1, 4),
    seed=st.integers(0, 9),
)
@settings(max_examples=80, deadline=None)
def test_no_subject_is_ever_on_both_sides(table, shared, n_shot, n_query, seed):
    names = sorted(table)
    conditions = [name for name in names for _ in table[name]]
    subjects = [f"{'' if shared else name}{s}" for name in names for s in table[name]]
    try:
        episodes = draw_episodes(
            conditions, subjects, n_shot=n_shot, n_episodes=12, n_query=n_query, random_state=seed
        )
    except NothingToDoError:
        assert shared  # nobody can be kept apart where conditions share their subjects
        return
    assert episodes.support.shape == (12, len(names), n_shot)
    assert episodes.query.shape == (12, len(names), n_query)  # balanced, however uneven the table
    for support, query in zip(episodes.support, episodes.query, strict=True):
        helpers = {subjects[i] for i in support.ravel()}
        askers = {subjects[i] for i in query.ravel()}
        assert not helpers & askers
        for way, name in enumerate(names):
            assert {conditions[i] for i in [*support[way], *query[way]]} == {name}
            assert len({subjects[i] for i in support[way]}) == n_shot


def uneven_table(seed=0):
    """Three conditions with 9, 5 and 4 patients of one to three cases, and their embeddings."""
    rng = np.random.default_rng(seed)
    conditions, subjects = [], []
    for name, n_patients in (("often", 9), ("rare", 5), ("usual", 4)):
        for patient in range(n_patients):
            for _ in range(int(rng.integers(1, 4))):
                conditions.append(name)
                subjects.append(f"{name}{patient}")
    centre = {"often": 0.0, "rare": 0.7, "usual": 1.4}
    x = rng.normal(size=(len(conditions), 5)) + 1
    return x + np.array([centre[c] for c in conditions])[:, None], conditions, subjects


def loop_precision(support, labels):
    """Within-condition Ledoit-Wolf of the support; over all of it with one case each."""
    if len(set(labels)) == len(labels):
        residuals = support - support.mean(axis=0)
    else:
        residuals = np.concatenate(
            [support[labels == c] - support[labels == c].mean(axis=0) for c in np.unique(labels)]
        )
    return LedoitWolf(assume_centered=True).fit(residuals).precision_


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "mahalanobis"])
@pytest.mark.parametrize("n_shot", [1, 3])
def test_scores_equal_plain_loops(metric, n_shot):
    x, conditions, subjects = uneven_table()
    episodes = draw_episodes(conditions, subjects, n_shot=n_shot, n_episodes=25, n_query=4)
    scores = score_queries(x, episodes, metric=metric)
    for e in range(25):
        prototypes = [sum(x[i] for i in row) / n_shot for row in episodes.support[e]]
        extra = {}
        if metric == "mahalanobis":
            flat = episodes.support[e].ravel()
            extra["VI"] = loop_precision(x[flat], np.array([conditions[i] for i in flat]))
        for way in range(3):
            for q in range(4):
                query = x[episodes.query[e, way, q]]
                distances = [cdist(query[None], p[None], metric, **extra)[0, 0] for p in prototypes]
                assert scores[e, way, q] == float(min(distances) == distances[way])


def test_few_dimensions_of_many_do_not_change_mahalanobis():
    x, conditions, subjects = uneven_table()
    wide = np.hstack([x, 0.3 * np.random.default_rng(1).normal(size=(len(x), 60))])
    episodes = draw_episodes(conditions, subjects, n_shot=2, n_episodes=10, n_query=2)
    scores = score_queries(wide, episodes, metric="mahalanobis")
    for e in range(10):  # 6 + 6 points span less than the 65 dimensions
        flat = episodes.support[e].ravel()
        precision = loop_precision(wide[flat], np.repeat(np.arange(3), 2))
        prototypes = wide[episodes.support[e]].mean(axis=1)
        distances = cdist(wide[episodes.query[e].ravel()], prototypes, "mahalanobis", VI=precision)
        right = distances.argmin(axis=1) == np.repeat(np.arange(3), 2)
        np.testing.assert_array_equal(scores[e].ravel(), right)


def test_ties_are_shared():
    conditions, subjects = list("aabbcc"), list("123456")
    episodes = draw_episodes(conditions, subjects, n_shot=1, n_episodes=5, n_query=2)
    for metric in ("cosine", "euclidean"):
        scores = score_queries(np.ones((6, 3)), episodes, metric=metric)
        np.testing.assert_allclose(scores, 1 / 3)


def test_every_subject_asks_equally_often_however_many_cases_it_has():
    subjects = ["big"] * 30 + ["x", "y", "z"] + ["1", "2", "3", "4"]
    conditions = ["a"] * 33 + ["b"] * 4
    episodes = draw_episodes(conditions, subjects, n_shot=1, n_episodes=600, n_query=1)
    asked = [subjects[i] for i in episodes.query[:, 0].ravel()]
    assert abs(asked.count("big") / 600 - 0.25) < 0.06
    cases = {int(i) for i in episodes.query[:, 0].ravel() if subjects[i] == "big"}
    assert len(cases) > 25  # and any of its cases may


def test_fewer_conditions_per_episode_take_turns():
    x, conditions, subjects = uneven_table()
    episodes = draw_episodes(conditions, subjects, n_shot=1, n_way=2, n_episodes=300, n_query=1)
    seen = [conditions[i] for i in episodes.query.ravel()]
    for name in set(conditions):
        assert abs(seen.count(name) / len(seen) - 1 / 3) < 0.06
    for row in episodes.query:
        assert len({conditions[i] for i in row.ravel()}) == 2
    assert score_queries(x, episodes).shape == (300, 2, 1)


def test_episodes_repeat_and_a_further_shot_changes_no_other():
    _, conditions, subjects = uneven_table()
    arguments = {"n_episodes": 20, "n_query": 3}
    first = draw_episodes(conditions, subjects, n_shot=2, **arguments)
    draw_episodes(conditions, subjects, n_shot=1, **arguments)
    again = draw_episodes(conditions, subjects, n_shot=2, **arguments)
    np.testing.assert_array_equal(first.support, again.support)
    np.testing.assert_array_equal(first.query, again.query)
    other = draw_episodes(conditions, subjects, n_shot=2, random_state=1, **arguments)
    assert (first.query != other.query).any()


def test_conditions_that_share_all_subjects_cannot_be_kept_apart():
    # Three conditions in a ring: whoever supports one is needed to ask for another.
    with pytest.raises(NothingToDoError, match="share so many subjects"):
        draw_episodes(list("aabbcc"), list("122331"), n_shot=1, n_episodes=1)
