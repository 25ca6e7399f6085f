"""Losses against plain Python loops over hand-listed pairs and triplets."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from medsiam.errors import UsageError
from medsiam.training.losses import (
    contrastive_loss,
    match_loss,
    multi_similarity_loss,
    prototypical_loss,
    squared_distances,
    supervised_contrastive_loss,
    triplet_loss,
)
from medsiam.training.sampling import similar_and_not

POINTS = [[0.0, 0.0], [3.0, 4.0], [0.1, 0.2], [1.0, -1.0], [0.5, 0.1]]
# (first, second, Y): some dissimilar pairs lie inside the margin, some outside.
PAIRS = [(0, 1, 0), (0, 2, 0), (3, 4, 0), (0, 4, 1), (1, 3, 1), (2, 4, 1), (2, 3, 1)]
TRIPLETS = [(0, 2, 1), (0, 1, 2), (3, 4, 0), (4, 0, 2), (2, 0, 4)]


def rows(indices: list[int]) -> torch.Tensor:
    return torch.tensor([POINTS[i] for i in indices])


def loop_distance(a: list[float], b: list[float]) -> float:
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


@pytest.mark.parametrize("margin", [0.3, 1.0, 2.5])
def test_contrastive_is_the_loop(margin):
    terms: dict[int, list[float]] = {0: [], 1: []}
    for i, j, y in PAIRS:
        d = loop_distance(POINTS[i], POINTS[j])
        terms[y].append((1 - y) * d**2 + y * max(0.0, margin - d) ** 2)
    expected = sum(sum(kind) / len(kind) for kind in terms.values()) / 2
    first, second, dissimilar = (list(column) for column in zip(*PAIRS, strict=True))
    loss = contrastive_loss(rows(first), rows(second), torch.tensor(dissimilar), margin=margin)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_contrastive_of_an_even_batch_is_the_plain_mean_over_pairs():
    pairs = PAIRS[:6]
    total = 0.0
    for i, j, y in pairs:
        d = loop_distance(POINTS[i], POINTS[j])
        total += (1 - y) * d**2 + y * max(0.0, 1.0 - d) ** 2
    first, second, dissimilar = (list(column) for column in zip(*pairs, strict=True))
    loss = contrastive_loss(rows(first), rows(second), torch.tensor(dissimilar), margin=1.0)
    assert loss.item() == pytest.approx(total / len(pairs), rel=1e-6)


@pytest.mark.parametrize("margin", [0.05, 0.3, 2.0])
def test_triplet_is_the_loop(margin):
    total = 0.0
    for a, p, n in TRIPLETS:
        to_positive = loop_distance(POINTS[a], POINTS[p]) ** 2
        to_negative = loop_distance(POINTS[a], POINTS[n]) ** 2
        total += max(to_positive - to_negative + margin, 0.0)
    anchor, positive, negative = (list(column) for column in zip(*TRIPLETS, strict=True))
    loss = triplet_loss(rows(anchor), rows(positive), rows(negative), margin=margin)
    assert loss.item() == pytest.approx(total / len(TRIPLETS), rel=1e-6)


def test_gradients_are_finite_where_two_embeddings_are_equal():
    embeddings = torch.zeros(3, 4, requires_grad=True)
    pairs = contrastive_loss(
        embeddings[[0, 0]], embeddings[[1, 2]], torch.tensor([0, 1]), margin=1.0
    )
    triplets = triplet_loss(embeddings[[0]], embeddings[[1]], embeddings[[2]], margin=1.0)
    (pairs + triplets).backward()
    assert embeddings.grad is not None
    assert torch.isfinite(embeddings.grad).all()


def test_gradients_point_the_right_way():
    x = torch.tensor([[0.0], [0.5], [0.4]], requires_grad=True)
    contrastive_loss(x[[0, 0]], x[[1, 2]], torch.tensor([0, 1]), margin=1.0).backward()
    # A step against the gradient moves the similar point nearer and the dissimilar one away.
    assert x.grad[1] > 0 > x.grad[2]


def test_numerical_gradient():
    points = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    first, second, dissimilar = (list(column) for column in zip(*PAIRS, strict=True))
    anchor, positive, negative = (list(column) for column in zip(*TRIPLETS, strict=True))
    apart = torch.tensor(dissimilar)
    assert torch.autograd.gradcheck(
        lambda x: contrastive_loss(x[first], x[second], apart, margin=0.9), (points,)
    )
    assert torch.autograd.gradcheck(
        lambda x: triplet_loss(x[anchor], x[positive], x[negative], margin=0.4), (points,)
    )


@pytest.mark.parametrize(("dissimilar", "missing"), [([1, 1], "similar"), ([0, 0], "dissimilar")])
def test_pairs_of_one_kind_are_refused(dissimilar, missing):
    with pytest.raises(UsageError, match=f"no {missing} pair"):
        contrastive_loss(rows([0, 1]), rows([2, 3]), torch.tensor(dissimilar), margin=1.0)


def test_a_batch_without_pairs_is_refused():
    none = torch.zeros(0, 2)
    with pytest.raises(UsageError, match="0 pairs"):
        contrastive_loss(none, none, torch.zeros(0), margin=1.0)


def test_a_batch_without_triplets_is_refused():
    none = torch.zeros(0, 2)
    with pytest.raises(UsageError, match="no triplet"):
        triplet_loss(none, none, none, margin=1.0)


CONDITIONS = ["a", "a", "b", "b", "c"]  # c is alone: it is never an anchor, but told from


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_supervised_contrastive_is_the_loop(temperature):
    lengths = [math.hypot(*point) or 1.0 for point in POINTS]
    units = [[x / n for x in point] for point, n in zip(POINTS, lengths, strict=True)]

    def close(i: int, j: int) -> float:
        return sum(x * y for x, y in zip(units[i], units[j], strict=True)) / temperature

    anchors = []
    for i, own in enumerate(CONDITIONS):
        others = [j for j in range(5) if j != i]
        similar = [j for j in others if CONDITIONS[j] == own]
        if similar:
            total = sum(math.exp(close(i, j)) for j in others)
            terms = [-math.log(math.exp(close(i, p)) / total) for p in similar]
            anchors.append(sum(terms) / len(terms))
    positive, negative = map(torch.from_numpy, similar_and_not(CONDITIONS, list("vwxyz")))
    loss = supervised_contrastive_loss(
        torch.tensor(POINTS), positive, negative, temperature=temperature
    )
    assert loss.item() == pytest.approx(sum(anchors) / len(anchors), rel=1e-5)


def test_supervised_contrastive_leaves_out_a_subjects_other_scans():
    """A second scan of the anchor's subject is neither similar nor dissimilar."""
    conditions, subjects = ["a", "a", "a", "b"], ["p", "p", "q", "r"]
    positive, negative = map(torch.from_numpy, similar_and_not(conditions, subjects))
    moved = torch.tensor([POINTS[0], [7.0, -3.0], POINTS[2], POINTS[3]])
    only_first = torch.zeros_like(positive)
    only_first[0] = positive[0]
    before, after = (
        supervised_contrastive_loss(points, only_first, negative, temperature=0.5)
        for points in (torch.tensor(POINTS[:4]), moved)
    )
    assert before.item() == pytest.approx(after.item())


def test_supervised_contrastive_without_anything_to_compare_is_refused():
    for conditions in (["a", "a", "a"], ["a", "b", "c"]):
        positive, negative = map(torch.from_numpy, similar_and_not(conditions, list("xyz")))
        with pytest.raises(UsageError, match="no scan of the batch has a similar and a dissimilar"):
            supervised_contrastive_loss(
                torch.tensor(POINTS[:3]), positive, negative, temperature=0.1
            )


def test_supervised_contrastive_gradient_is_finite_at_equal_embeddings():
    points = torch.ones(4, 2, requires_grad=True)
    positive, negative = map(torch.from_numpy, similar_and_not(list("aabb"), list("wxyz")))
    supervised_contrastive_loss(points, positive, negative, temperature=0.1).backward()
    assert points.grad is not None
    assert torch.isfinite(points.grad).all()


def test_squared_distances_are_the_loop_and_smooth_at_zero():
    points = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    found = squared_distances(points, points[:3])
    for i, row in enumerate(found.tolist()):
        assert row == pytest.approx([loop_distance(POINTS[i], POINTS[j]) ** 2 for j in range(3)])
    assert found.diagonal().tolist() == [0.0] * 3
    found.sum().backward()
    assert torch.isfinite(points.grad).all()


def test_multi_similarity_is_the_formula_of_the_paper():
    """Over the cosines; an anchor without anything similar (here c) has no say."""
    units = [[x / (math.hypot(*p) or 1.0) for x in p] for p in POINTS]
    terms = []
    for i in range(4):
        cosines = [sum(x * y for x, y in zip(units[i], unit, strict=True)) for unit in units]
        similar = [j for j in range(5) if j != i and CONDITIONS[j] == CONDITIONS[i]]
        others = [j for j in range(5) if CONDITIONS[j] != CONDITIONS[i]]
        pull = math.log(1 + sum(math.exp(-2 * (cosines[j] - 0.5)) for j in similar)) / 2
        push = math.log(1 + sum(math.exp(50 * (cosines[j] - 0.5)) for j in others)) / 50
        terms.append(pull + push)
    masks = map(torch.from_numpy, similar_and_not(CONDITIONS, list("vwxyz")))
    loss = multi_similarity_loss(torch.tensor(POINTS), *masks)
    assert loss.item() == pytest.approx(sum(terms) / 4, rel=1e-5)


@pytest.mark.parametrize("conditions", ["aaa", "abc"])
def test_multi_similarity_is_never_silent_where_there_is_nothing_to_compare(conditions):
    masks = map(torch.from_numpy, similar_and_not(list(conditions), list("xyz")))
    with pytest.raises(UsageError, match="multi-similarity loss: no scan of the batch has"):
        multi_similarity_loss(torch.tensor(POINTS[:3]), *masks)


def test_prototypical_takes_conditions_as_they_come():
    support, queries = torch.tensor(POINTS[:3]), torch.tensor(POINTS[3:])
    prototypes = {9: [1.5, 2.0], 4: POINTS[2]}  # the mean of two, and one alone
    terms = []
    for query, condition in zip(POINTS[3:], (4, 9), strict=True):
        scores = {c: -(loop_distance(query, p) ** 2) / 0.5 for c, p in prototypes.items()}
        total = math.log(sum(math.exp(score) for score in scores.values()))
        terms.append(total - scores[condition])
    loss = prototypical_loss(
        support, np.array([9, 9, 4]), queries, np.array([4, 9]), temperature=0.5
    )
    assert loss.item() == pytest.approx(sum(terms) / 2, rel=1e-5)


@pytest.mark.parametrize(("n_queries", "support"), [(0, [1, 2]), (2, [1, 1])])
def test_prototypical_without_queries_or_choice_is_refused(n_queries, support):
    with pytest.raises(UsageError, match=f"prototypical loss: {n_queries} queries"):
        prototypical_loss(
            torch.ones(2, 3),
            np.array(support),
            torch.ones(n_queries, 3),
            np.ones(n_queries, dtype=np.int64),
            temperature=1.0,
        )


def test_match_gives_either_kind_of_pair_one_half():
    logits, apart = torch.tensor([2.0, -1.0, 0.5, 0.0]), torch.tensor([False, True, True, True])

    def chance(x):
        return 1 / (1 + math.exp(-x))

    push = -sum(math.log(1 - chance(x)) for x in (-1.0, 0.5, 0.0)) / 3
    expected = (-math.log(chance(2.0)) + push) / 2
    assert match_loss(logits, apart).item() == pytest.approx(expected, rel=1e-6)
    with pytest.raises(UsageError, match="match loss: the batch of 1 pairs holds no dissimilar"):
        match_loss(logits[:1], apart[:1])
