"""Validation figures against plain loops."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medsiam.metrics import wilson_interval
from medsiam.training.validation import score_interval, validate


class Identity:
    """Stands in for an encoder: the embedding is the scan."""

    def embed_tensors(self, batch):
        return batch.numpy()


def scans(embeddings, conditions, subjects):
    return SimpleNamespace(
        tensors=torch.tensor(embeddings, dtype=torch.float32),
        rows=conditions,
        conditions=conditions,
        subjects=subjects,
    )


def loop_hits(embeddings, conditions, subjects):
    hits = []
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    for i in range(len(unit)):
        others = [j for j in range(len(unit)) if subjects[j] != subjects[i]]
        nearest = max(others, key=lambda j: float(unit[i] @ unit[j]))
        hits.append(float(conditions[nearest] == conditions[i]))
    return hits


def test_hits_and_means_are_those_of_the_loop():
    rng = np.random.default_rng(0)
    conditions = ["a"] * 30 + ["b"] * 14 + ["c"] * 6
    subjects = [f"{c}{i // 2}" for i, c in enumerate(conditions)]
    embeddings = rng.normal(size=(50, 4)) + 1.5 * np.array(
        [[c == "a", c == "b", c == "c", 0] for c in conditions]
    )
    result = validate(Identity(), scans(embeddings, conditions, subjects), batch_size=7)
    expected = loop_hits(embeddings.astype(np.float32), conditions, subjects)
    assert result.hits.tolist() == expected
    assert result.accuracy == pytest.approx(sum(expected) / 50)
    by_condition = [
        np.mean([h for h, c in zip(expected, conditions, strict=True) if c == name])
        for name in "abc"
    ]
    assert result.score == pytest.approx(np.mean(by_condition))
    assert 0.3 < result.score < 1
    assert not result.collapsed


def test_collapse_is_seen_and_scores_chance():
    conditions = ["a", "a", "a", "b", "b", "b"]
    result = validate(Identity(), scans(np.ones((6, 2)), conditions, list("uvwxyz")))
    assert result.collapsed
    assert result.score == pytest.approx(2 / 5)  # two of the five others are right


def loop_score(embeddings, conditions, subjects, drawn):
    """P@1 over a resample, by loops: each drawn subject asks; every other drawn one may answer."""
    hits = {}
    for i, condition in enumerate(conditions):
        others = [j for j in range(len(subjects)) if subjects[j] != subjects[i]]
        there = [j for j in others if subjects[j] in drawn]
        if subjects[i] not in drawn or not there:
            continue
        nearest = max(there, key=lambda j: float(embeddings[i] @ embeddings[j]))
        hits.setdefault(condition, []).extend(
            [conditions[nearest] == condition] * drawn.count(subjects[i])
        )
    return np.mean([np.mean(values) for values in hits.values()])


def test_interval_has_the_spread_of_resampled_subjects():
    rng = np.random.default_rng(1)
    conditions = [c for c in "ab" for _ in range(16)]
    subjects = [f"{c}{i // 2}" for c in "ab" for i in range(16)]
    points = rng.normal(size=(32, 3)) + np.array([[c == "a", c == "b", 0] for c in conditions])
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    people = sorted(set(subjects))
    scores = [
        loop_score(points, conditions, subjects, rng.choice(people, len(people)).tolist())
        for _ in range(300)
    ]
    low, high = score_interval(points, conditions, subjects, 0.6)
    assert (high - low) / 2 == pytest.approx(1.96 * np.std(scores), rel=0.15)
    assert (low + high) / 2 == pytest.approx(0.6)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_interval_of_nothing_or_all_is_wilsons(score):
    points = np.eye(4, dtype=np.float32)
    low, high = score_interval(points, ["a", "a", "b", "b"], ["1", "2", "3", "4"], score)
    assert (low, high) == wilson_interval(4 * score, 4)
