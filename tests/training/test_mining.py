"""Mined triplets against plain loops, and against pytorch-metric-learning where subjects differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner

from medsiam.training.mining import hard_triplets, semi_hard_triplets
from medsiam.training.sampling import similar_and_not

CONDITIONS = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"]
SUBJECTS = ["p", "p", "q", "r", "r", "s", "s", "t", "u", "v", "v", "v", "w"]
EACH_ITS_OWN = [str(i) for i in range(len(CONDITIONS))]


def scene(seed, subjects=SUBJECTS, n_anchors=None):
    points = np.random.default_rng(seed).normal(size=(len(CONDITIONS), 3)).astype(np.float32)
    squared = ((points[:n_anchors, None] - points[None]) ** 2).sum(axis=2)
    return points, squared, *similar_and_not(CONDITIONS, subjects, n_anchors)


def found(triplets):
    return set(
        zip(
            triplets.anchor.tolist(),
            triplets.positive.tolist(),
            triplets.negative.tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize("n_anchors", [None, 7])
@pytest.mark.parametrize("margin", [0.05, 1.0, 50.0])
def test_semi_hard_is_the_loop(margin, n_anchors):
    for seed in range(5):
        _, squared, positive, negative = scene(seed, n_anchors=n_anchors)
        expected = set()
        for a, p in zip(*np.nonzero(positive), strict=True):
            inside = [
                (squared[a, n], int(n))
                for n in np.nonzero(negative[a])[0]
                if squared[a, p] < squared[a, n] < squared[a, p] + margin
            ]
            if inside:
                expected.add((int(a), int(p), min(inside)[1]))
        assert found(semi_hard_triplets(squared, positive, negative, margin=margin)) == expected


@pytest.mark.parametrize("n_anchors", [None, 7])
def test_hard_is_the_loop(n_anchors):
    for seed in range(5):
        _, squared, positive, negative = scene(seed, n_anchors=n_anchors)
        expected = set()
        for a in range(len(squared)):
            similar, others = np.nonzero(positive[a])[0], np.nonzero(negative[a])[0]
            if len(similar):
                farthest = max(similar, key=lambda p: squared[a, p])
                nearest = min(others, key=lambda n: squared[a, n])
                expected.add((a, int(farthest), int(nearest)))
        assert found(hard_triplets(squared, positive, negative)) == expected


def test_where_subjects_differ_the_library_agrees():
    points, squared, positive, negative = scene(0, EACH_ITS_OWN)
    labels = torch.from_numpy(np.unique(CONDITIONS, return_inverse=True)[1])
    distance = LpDistance(normalize_embeddings=False, power=2)
    hard = BatchHardMiner(distance=distance)(torch.from_numpy(points), labels)
    mined = found(hard_triplets(squared, positive, negative))
    assert mined == set(zip(*(column.tolist() for column in hard), strict=True))
    miner = TripletMarginMiner(margin=1.0, type_of_triplets="semihard", distance=distance)
    zone = {
        triplet
        for triplet in zip(
            *(i.tolist() for i in miner(torch.from_numpy(points), labels)), strict=True
        )
        if squared[triplet[0], triplet[2]] > squared[triplet[0], triplet[1]]
    }
    ours = found(semi_hard_triplets(squared, positive, negative, margin=1.0))
    assert ours <= zone
    assert {(a, p) for a, p, _ in ours} == {(a, p) for a, p, _ in zone}


def test_scans_of_one_subject_are_never_mined_as_similar_where_there_are_others():
    for seed in range(5):
        _, squared, positive, negative = scene(seed)
        for triplets in (
            semi_hard_triplets(squared, positive, negative, margin=9.0),
            hard_triplets(squared, positive, negative),
        ):
            pairs = [(a, p) for a, p, _ in found(triplets) if CONDITIONS[a] != "c"]
            assert pairs
            assert all(SUBJECTS[a] != SUBJECTS[p] for a, p in pairs)


def test_nothing_to_mine():
    squared = np.zeros((3, 3), dtype=np.float32)
    positive, negative = similar_and_not(["a", "a", "b"], ["u", "v", "w"])
    # All distances equal: no negative is farther than a positive.
    assert len(semi_hard_triplets(squared, positive, negative, margin=1.0).anchor) == 0
    assert len(hard_triplets(squared, positive, negative).anchor) == 2
    for conditions in (["a", "a", "a"], ["a", "b", "c"]):
        positive, negative = similar_and_not(conditions, ["u", "v", "w"])
        assert len(semi_hard_triplets(squared, positive, negative, margin=1.0).anchor) == 0
        assert len(hard_triplets(squared, positive, negative).anchor) == 0
