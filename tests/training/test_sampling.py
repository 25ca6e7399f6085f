"""Batches, pairs and triplets against plain loops over what they must hold."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest

from medsiam.training.sampling import all_pairs, all_triplets, draw_batch, draw_episode

CONDITIONS = ["a"] * 6 + ["b"] * 4 + ["c"] * 2
SUBJECTS = ["a1", "a1", "a2", "a3", "a3", "a4", "b1", "b1", "b2", "b2", "c1", "c2"]


def draw(seed=0, *, size=3, n_conditions=None):
    return draw_batch(
        CONDITIONS,
        SUBJECTS,
        conditions_per_batch=n_conditions,
        scans_per_condition=size,
        random_state=np.random.default_rng(seed),
    )


def test_each_condition_gives_the_same_number_of_scans():
    for seed in range(20):
        batch = draw(seed)
        assert Counter(CONDITIONS[i] for i in batch) == {"a": 3, "b": 3, "c": 3}


def test_scans_of_a_condition_come_from_different_subjects_while_there_are_any():
    for seed in range(20):
        batch = draw(seed, size=4)
        by_condition = {c: [SUBJECTS[i] for i in batch if CONDITIONS[i] == c] for c in "abc"}
        assert set(by_condition["a"]) == {"a1", "a2", "a3", "a4"}
        assert Counter(by_condition["b"]) == {"b1": 2, "b2": 2}
        rows_of_b = [i for i in batch if CONDITIONS[i] == "b"]
        assert len(set(rows_of_b)) == 4


def test_fewer_conditions_than_there_are():
    seen = set()
    for seed in range(30):
        conditions = {CONDITIONS[i] for i in draw(seed, n_conditions=2)}
        assert len(conditions) == 2
        seen |= conditions
    assert seen == {"a", "b", "c"}


def test_every_row_is_drawn_in_time_and_a_seed_repeats():
    seen = {int(i) for seed in range(60) for i in draw(seed)}
    assert seen == set(range(len(CONDITIONS)))
    assert draw(3).tolist() == draw(3).tolist()
    assert any(draw(3).tolist() != draw(seed).tolist() for seed in range(4, 8))


def loop_positive(i, j):
    """Same condition; of another subject unless the anchor has no such partner."""
    if i == j or CONDITIONS[i] != CONDITIONS[j]:
        return False
    across = any(
        CONDITIONS[k] == CONDITIONS[i] and SUBJECTS[k] != SUBJECTS[i]
        for k in range(len(CONDITIONS))
    )
    return SUBJECTS[i] != SUBJECTS[j] or not across


def test_pairs_are_all_pairs_of_the_loop():
    pairs = all_pairs(CONDITIONS, SUBJECTS)
    expected = {
        (i, j, CONDITIONS[i] != CONDITIONS[j])
        for i, j in combinations(range(len(CONDITIONS)), 2)
        if CONDITIONS[i] != CONDITIONS[j] or loop_positive(i, j)
    }
    found = list(
        zip(pairs.first.tolist(), pairs.second.tolist(), pairs.dissimilar.tolist(), strict=True)
    )
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_triplets_are_all_triplets_of_the_loop():
    triplets = all_triplets(CONDITIONS, SUBJECTS)
    expected = {
        (a, p, n)
        for a, p, n in permutations(range(len(CONDITIONS)), 3)
        if loop_positive(a, p) and CONDITIONS[n] != CONDITIONS[a]
    }
    found = list(
        zip(
            triplets.anchor.tolist(),
            triplets.positive.tolist(),
            triplets.negative.tolist(),
            strict=True,
        )
    )
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_same_subject_is_used_where_a_condition_has_one_subject_only():
    pairs = all_pairs(["a", "a", "b"], ["s", "s", "t"])
    assert (pairs.dissimilar == False).sum() == 1  # noqa: E712
    assert len(all_triplets(["a", "a", "b"], ["s", "s", "t"]).anchor) == 2


@pytest.mark.parametrize("conditions", [["a", "a", "a"], ["a", "b", "c"]])
def test_no_triplets_without_positive_or_negative(conditions):
    assert len(all_triplets(conditions, ["s1", "s2", "s3"]).anchor) == 0


def test_every_two_conditions_meet_equally_often():
    conditions = np.array(CONDITIONS)[draw(size=2)].tolist()
    subjects = [str(i) for i in range(len(conditions))]
    pairs = all_pairs(conditions, subjects)
    meetings = Counter(
        tuple(sorted((conditions[i], conditions[j])))
        for i, j, apart in zip(pairs.first, pairs.second, pairs.dissimilar, strict=True)
        if apart
    )
    assert meetings == {("a", "b"): 4, ("a", "c"): 4, ("b", "c"): 4}


def episode(seed=0, *, support=2, size=4, uneven=False, conditions=CONDITIONS, subjects=SUBJECTS):
    return draw_episode(
        conditions,
        subjects,
        conditions_per_batch=None,
        scans_per_condition=size,
        support_per_condition=support,
        uneven=uneven,
        random_state=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("uneven", [False, True])
def test_no_subject_is_support_and_asks(uneven):
    numbers = Counter()
    for seed in range(40):
        drawn = episode(seed, uneven=uneven)
        assert Counter(CONDITIONS[i] for i in drawn.positions) == {"a": 4, "b": 4, "c": 4}
        for condition in "abc":
            sides = [
                {SUBJECTS[i] for i in drawn.positions[side] if CONDITIONS[i] == condition}
                for side in (drawn.support, ~drawn.support)
            ]
            assert all(sides)
            assert not sides[0] & sides[1]
        of_a = [CONDITIONS[i] == "a" for i in drawn.positions]
        numbers[int(drawn.support[of_a].sum())] += 1
    # b and c have two subjects: one is support and the other asks, whatever was asked for.
    assert set(numbers) == ({1, 2} if uneven else {2})


def test_support_comes_from_as_many_subjects_as_shots():
    drawn = episode(1, support=3, size=5)
    support = [i for i in drawn.positions[drawn.support] if CONDITIONS[i] == "a"]
    assert len(support) == len({SUBJECTS[i] for i in support}) == 3


def test_an_episode_repeats_and_a_subject_alone_is_on_both_sides():
    assert episode(3).positions.tolist() == episode(3).positions.tolist()
    assert any(episode(3).positions.tolist() != episode(s).positions.tolist() for s in range(4, 8))
    drawn = episode(conditions=["a", "a", "b"], subjects=["s", "s", "t"])
    assert drawn.support.reshape(2, 4).sum(axis=1).tolist() == [1, 1]
    assert np.array(["a", "a", "b"])[drawn.positions].tolist() == ["a"] * 4 + ["b"] * 4


def test_with_earlier_scans_only_the_batch_has_anchors():
    whole_pairs, whole_triplets = (f(CONDITIONS, SUBJECTS) for f in (all_pairs, all_triplets))
    pairs, triplets = (f(CONDITIONS, SUBJECTS, 7) for f in (all_pairs, all_triplets))
    inside = whole_triplets.anchor < 7
    for name in ("anchor", "positive", "negative"):
        assert getattr(triplets, name).tolist() == getattr(whole_triplets, name)[inside].tolist()
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    expected = set(zip(whole_pairs.first.tolist(), whole_pairs.second.tolist(), strict=True))
    assert found == {(i, j) for i, j in expected if i < 7}
