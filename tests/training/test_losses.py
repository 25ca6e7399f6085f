"""Losses against plain Python loops over hand-listed pairs and triplets."""

from __future__ import annotations

import math

import pytest
import torch

from medsiam.errors import UsageError
from medsiam.training.losses import (
    contrastive_loss,
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
