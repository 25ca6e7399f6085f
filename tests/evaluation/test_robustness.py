"""Ranks before and after a change, against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medsiam.errors import UsageError
from medsiam.evaluation import EpisodeProtocol, Items, measure_robustness
from tests.evaluation.samples import clouds

PROTOCOL = EpisodeProtocol(metric="euclidean")


def items(phases=1):
    x, conditions, subjects = clouds({"a": 12, "b": 12}, gap=1.0, d=4)
    n = len(x)
    return Items(
        embeddings=x.astype(np.float32),
        conditions=tuple(conditions),
        subjects=tuple(subjects),
        n_scans=(phases,) * n,
        paths=tuple(tuple(f"{i}_{p}" for p in range(phases)) for i in range(n)),
        facts={},
        notices=(),
    )


def test_small_changes_leave_the_ranks_and_large_ones_do_not():
    own = items()
    rng = np.random.default_rng(0)
    chosen = own.sample(15, random_state=0)
    x = own.embeddings[list(chosen)]
    changed = {
        "unchanged": x,
        "nothing": x + 1e-6,
        "much": rng.normal(size=x.shape).astype(np.float32),
    }
    paths = [own.paths[i][0] for i in chosen]
    found = measure_robustness(own, chosen, paths, changed, protocol=PROTOCOL)
    assert found.n_cases == 15
    nothing, much = found.changes
    assert nothing.nearest_stays.value == nothing.overlap_at_10.value == 1.0
    assert nothing.precision_at_1.value == found.precision_at_1.value
    assert much.nearest_stays.value < 0.5
    expected = []
    for i, vector in zip(chosen, changed["much"], strict=True):
        others = [j for j in range(24) if own.subjects[j] != own.subjects[i]]
        before = sorted(others, key=lambda j: np.linalg.norm(own.embeddings[j] - own.embeddings[i]))
        after = sorted(others, key=lambda j: np.linalg.norm(own.embeddings[j] - vector))
        expected.append(len({*before[:10]} & {*after[:10]}) / 10)
    assert much.overlap_at_10.value == pytest.approx(np.mean(expected))
    assert much.overlap_at_10.chance == pytest.approx(10 / 23)


def test_scans_of_a_case_are_joined_as_they_were():
    own = items(phases=2)
    chosen = (0, 5)
    paths = ["5_1", "0_0", "0_1", "5_0"]
    halves = {path: own.embeddings[int(path[0])][2 * int(path[2]) :][:2] for path in paths}
    same = np.stack([halves[path] for path in paths])
    found = measure_robustness(
        own, chosen, paths, {"unchanged": same, "again": same}, protocol=PROTOCOL
    )
    assert found.changes[0].nearest_stays.value == 1.0


def test_another_encoder_is_noticed():
    own = items()
    other = np.ones((1, 4), np.float32) * 9
    with pytest.raises(UsageError, match="name the encoder that the file was made with"):
        measure_robustness(own, (0,), ["0_0"], {"unchanged": other}, protocol=PROTOCOL)


def test_a_query_without_a_right_answer_is_left_out():
    own = items()
    alone = replace(own, conditions=("c", *own.conditions[1:]))
    x = own.embeddings[:3]
    paths = [own.paths[i][0] for i in range(3)]
    found = measure_robustness(alone, (0, 1, 2), paths, {"u": x, "again": x}, protocol=PROTOCOL)
    assert found.n_cases == found.precision_at_1.n_queries == 2
