"""Episodes: no subject on both sides, balanced queries, whatever the table and the protocol."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsiam.errors import NothingToDoError
from medsiam.evaluation.episodes import EpisodePlan, draw_episodes
from tests.evaluation.samples import cohort_of, draw

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
        episodes = draw(
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


def test_every_subject_asks_equally_often_however_many_cases_it_has():
    subjects = ["big"] * 30 + ["x", "y", "z"] + ["1", "2", "3", "4"]
    conditions = ["a"] * 33 + ["b"] * 4
    episodes = draw(conditions, subjects, n_shot=1, n_episodes=600, n_query=1)
    asked = [subjects[i] for i in episodes.query[:, 0].ravel()]
    assert abs(asked.count("big") / 600 - 0.25) < 0.06
    cases = {int(i) for i in episodes.query[:, 0].ravel() if subjects[i] == "big"}
    assert len(cases) > 25  # and any of its cases may


def test_fewer_conditions_per_episode_take_turns():
    _, conditions, subjects = uneven_table()
    episodes = draw(conditions, subjects, n_shot=1, n_way=2, n_episodes=300, n_query=1)
    seen = [conditions[i] for i in episodes.query.ravel()]
    for name in set(conditions):
        assert abs(seen.count(name) / len(seen) - 1 / 3) < 0.06
    for row in episodes.query:
        assert len({conditions[i] for i in row.ravel()}) == 2


def test_episodes_repeat_and_a_further_shot_changes_no_other():
    _, conditions, subjects = uneven_table()
    arguments = {"n_episodes": 20, "n_query": 3}
    first = draw(conditions, subjects, n_shot=2, **arguments)
    draw(conditions, subjects, n_shot=1, **arguments)
    again = draw(conditions, subjects, n_shot=2, **arguments)
    np.testing.assert_array_equal(first.support, again.support)
    np.testing.assert_array_equal(first.query, again.query)
    other = draw(conditions, subjects, n_shot=2, random_state=1, **arguments)
    assert (first.query != other.query).any()


def test_conditions_that_share_all_subjects_cannot_be_kept_apart():
    # Three conditions in a ring: whoever supports one is needed to ask for another.
    with pytest.raises(NothingToDoError, match="share so many subjects"):
        draw(list("aabbcc"), list("122331"), n_shot=1, n_episodes=1)


def test_uneven_shots_have_the_same_mean_and_empty_places():
    conditions, subjects = list("a" * 12 + "b" * 12), [str(i) for i in range(24)]
    episodes = draw(conditions, subjects, n_shot=3, spread=2, n_episodes=800, n_query=2)
    shots = (episodes.support >= 0).sum(axis=2)
    assert episodes.support.shape == (800, 2, 5)
    assert set(shots.ravel().tolist()) == {1, 2, 3, 4, 5}
    assert shots.mean() == pytest.approx(3, abs=0.1)
    for support, query in zip(episodes.support, episodes.query, strict=True):
        assert not set(support[support >= 0].tolist()) & set(query.ravel().tolist())


def test_support_and_query_of_two_splits_never_mix():
    split = ["train"] * 5 + ["val"] * 3
    cohort = cohort_of(
        "ab" * 4, range(8), facts={"split": split}, bank_split="train", query_split="val"
    )
    plan = EpisodePlan(n_shot=2, n_way=2, n_episodes=30, n_query=3)
    episodes = draw_episodes(cohort, plan)
    assert set(episodes.support.ravel().tolist()) == {0, 1, 2, 3, 4}
    assert set(episodes.query.ravel().tolist()) == {5, 6, 7}


def test_sources_that_must_differ_are_on_one_side():
    conditions, sources = "aaaabbbb", "xxyzxyzz"
    facts = {"source": list(sources)}
    cohort = cohort_of(conditions, range(8), facts=facts, sources="different")
    episodes = draw_episodes(cohort, EpisodePlan(n_shot=1, n_way=2, n_episodes=100, n_query=2))
    for support, query in zip(episodes.support, episodes.query, strict=True):
        banked = {sources[i] for i in support.ravel()}
        assert not banked & {sources[i] for i in query.ravel()}


def test_one_source_is_a_whole_episode():
    conditions, sources = "aaabbbaaabbbab", "xxxxxxyyyyyyzz"
    facts = {"source": list(sources)}
    cohort = cohort_of(conditions, range(14), facts=facts, sources="one")
    plan = EpisodePlan(n_shot=2, n_way=2, n_episodes=60, n_query=1)
    episodes = draw_episodes(cohort, plan)
    seen = set()
    for support, query in zip(episodes.support, episodes.query, strict=True):
        of_episode = {sources[i] for i in [*support.ravel(), *query.ravel()]}
        assert len(of_episode) == 1
        seen |= of_episode
    assert seen == {"x", "y"}  # z has too few subjects
    with pytest.raises(NothingToDoError, match="no source has 2 conditions with 4 subjects"):
        draw_episodes(cohort, EpisodePlan(n_shot=3, n_way=2))


def test_one_source_counts_the_subjects_of_the_bank_alone():
    # Source x has two subjects of each condition in the bank, source y only one.
    facts = {
        "source": list("xxxxxx" + "yyyyyy"),
        "split": ["bank", "bank", "ask"] * 2 + ["bank", "ask", "ask"] * 2,
    }
    cohort = cohort_of(
        "aaabbbaaabbb", range(12), facts=facts, sources="one", bank_split="bank", query_split="ask"
    )
    episodes = draw_episodes(cohort, EpisodePlan(n_shot=2, n_way=2, n_episodes=20, n_query=1))
    assert set(episodes.support.ravel().tolist()) == {0, 1, 3, 4}
    assert set(episodes.query.ravel().tolist()) == {2, 5}
    with pytest.raises(NothingToDoError, match="no source has 2 conditions with 3 subjects"):
        draw_episodes(cohort, EpisodePlan(n_shot=3, n_way=2))


def test_fewer_conditions_than_asked_for_is_refused():
    with pytest.raises(NothingToDoError, match="3 conditions are needed, and 2"):
        draw(list("aaaabbbbc"), range(9), n_shot=2, n_way=3, n_episodes=2)
