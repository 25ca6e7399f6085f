"""Few-shot accuracy: truth, chance, and an interval that counts subjects."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import NothingToDoError
from medsiam.evaluation import EpisodeProtocol
from medsiam.evaluation.few_shot import measure_few_shot
from medsiam.metrics import wilson_interval
from tests.evaluation.samples import cohort_of, draw, score

SIZES = {"a": 12, "b": 8, "c": 3}


def table(sizes=SIZES, cases=2):
    """Conditions and subjects, `cases` cases of each subject."""
    pairs = [
        (name, f"{name}{subject}")
        for name, n in sizes.items()
        for subject in range(n)
        for _ in range(cases)
    ]
    conditions, subjects = zip(*pairs, strict=True)
    return np.array(conditions), np.array(subjects)


def measure(x, conditions, subjects, n_shot=1, **settings):
    protocol = EpisodeProtocol(**{"n_episodes": 200, "uneven": False, **settings})
    cohort = cohort_of(conditions, subjects, **settings)
    return measure_few_shot(x, cohort, n_shot=n_shot, protocol=protocol)[0]


def test_separated_conditions_score_one_with_the_doubt_of_few_subjects():
    conditions, subjects = table()
    x = np.eye(3)[np.unique(conditions, return_inverse=True)[1]]
    shot = measure(x, conditions, subjects)
    assert shot.accuracy == 1.0
    assert (shot.low, shot.high) == wilson_interval(23, 23)
    assert shot.by_condition == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert (shot.n_way, shot.n_subjects, shot.chance, shot.majority) == (3, 23, 1 / 3, 1 / 3)


def test_the_interval_of_random_embeddings_holds_chance():
    conditions, subjects = table({"a": 30, "b": 30, "c": 30}, cases=1)
    held = 0
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=(90, 8))
        shot = measure(x, conditions, subjects, n_shot=5)
        held += shot.low <= shot.chance <= shot.high
    assert held >= 8  # of 10; 95 % each


def test_figures_are_those_of_the_episodes():
    conditions, subjects = table()
    x = np.random.default_rng(0).normal(size=(len(conditions), 4))
    x += np.unique(conditions, return_inverse=True)[1][:, None]
    shot = measure(x, conditions, subjects, n_shot=2, n_query=3)
    episodes = draw(conditions, subjects, n_shot=2, n_episodes=200, n_query=3)
    scores = score(x, episodes)
    assert shot.accuracy == pytest.approx(scores.mean())
    assert list(shot.by_condition.values()) == pytest.approx(scores.mean(axis=(0, 2)))
    assert shot.low < shot.accuracy < shot.high
    assert shot.n_subjects == 23


def test_more_episodes_do_not_make_the_interval_narrow():
    conditions, subjects = table()
    x = np.random.default_rng(2).normal(size=(len(conditions), 3))
    widths = []
    for n in (100, 1600):
        shot = measure(x, conditions, subjects, n_shot=2, n_episodes=n)
        widths.append(shot.high - shot.low)
    assert widths[1] > 0.6 * widths[0]  # over episodes it would be a quarter


def test_conditions_with_too_few_subjects_are_named():
    conditions, subjects = table()
    x = np.random.default_rng(0).normal(size=(len(conditions), 4))
    shot = measure(x, conditions, subjects, n_shot=3)
    assert shot.left_out == {"c": 3}
    assert set(shot.by_condition) == {"a", "b"}
    assert (shot.n_way, shot.chance) == (2, 0.5)
    assert measure(x, conditions, subjects, n_shot=2).left_out == {}


@pytest.mark.parametrize(
    ("n_shot", "settings", "words"),
    [
        (8, {}, r"8-shot needs 2 conditions with 9 subjects each, and 1 of them has"),
        (20, {}, r"none of them have that many \(a has 12, b has 8, c has 3\)"),
        (3, {"n_way": 3}, r"3-shot needs 3 conditions with 4 subjects each, and 2 of them have"),
    ],
)
def test_too_few_conditions_left(n_shot, settings, words):
    conditions, subjects = table()
    with pytest.raises(NothingToDoError, match=words):
        measure(np.ones((len(conditions), 2)), conditions, subjects, n_shot=n_shot, **settings)


def test_uneven_shots_stand_beside_balanced_ones():
    conditions, subjects = table({"a": 20, "b": 20}, cases=1)
    x = np.random.default_rng(0).normal(size=(40, 4))
    x += np.unique(conditions, return_inverse=True)[1][:, None]
    shot = measure(x, conditions, subjects, n_shot=5, uneven=True, n_episodes=600)
    uneven = shot.uneven
    assert (uneven.fewest, uneven.most) == (1, 9)
    assert uneven.loss == pytest.approx(shot.accuracy - uneven.accuracy)
    assert uneven.loss_low < uneven.loss < uneven.loss_high
    assert uneven.loss > 0
    assert measure(x, conditions, subjects, n_shot=1, uneven=True).uneven is None
    # 20 subjects of which one must ask: 18 shots can only become 17 to 19.
    narrow = measure(x, conditions, subjects, n_shot=18, uneven=True).uneven
    assert (narrow.fewest, narrow.most) == (17, 19)


def test_each_condition_has_its_interval_and_its_row_of_the_confusion():
    conditions, subjects = table()
    x = np.random.default_rng(0).normal(size=(len(conditions), 4))
    shot = measure(x, conditions, subjects, n_shot=2)
    for name, value in shot.by_condition.items():
        low, high = shot.intervals[name]
        assert low < value < high
        assert sum(shot.confusion[name].values()) == pytest.approx(1)
        assert shot.confusion[name][name] == pytest.approx(value)


def test_a_perfect_condition_rests_on_its_own_subjects():
    conditions, subjects = table()
    x = np.eye(3)[np.unique(conditions, return_inverse=True)[1]]
    shot = measure(x, conditions, subjects)
    for name, n in SIZES.items():
        assert shot.intervals[name] == wilson_interval(n, n)
    split = ["bank" if int(s[1:]) % 2 else "ask" for s in subjects]
    settings = {"bank_split": "bank", "query_split": "ask"}
    cohort = cohort_of(conditions, subjects, facts={"split": split}, **settings)
    protocol = EpisodeProtocol(n_episodes=200, uneven=False, **settings)
    found, spread = measure_few_shot(x, cohort, n_shot=1, protocol=protocol)
    n_asked = len({s for s, part in zip(subjects, split, strict=True) if part == "ask"})
    assert (found.low, found.high) == wilson_interval(n_asked, n_asked) == spread.interval()
