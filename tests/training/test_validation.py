"""Validation figures against plain loops."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medsiam.training.validation import validate


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
