"""The twin head against the formula of the paper, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from medsiam.encoders import MatchHead


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_logits_are_the_weighted_l1_distance(generator):
    head = MatchHead(5)
    with torch.no_grad():
        head.weight.copy_(torch.randn(5, generator=generator))
        head.bias.fill_(0.7)
    a, b = torch.randn(2, 7, 5, generator=generator)
    weight = head.weight.tolist()
    expected = [
        0.7 + sum(w * abs(x - y) for w, x, y in zip(weight, *pair, strict=True))
        for pair in zip(a.tolist(), b.tolist(), strict=True)
    ]
    np.testing.assert_allclose(head(a, b).tolist(), expected, rtol=1e-5, atol=1e-6)


def test_either_scan_may_be_named_first(generator):
    a, b = torch.randn(2, 9, 16, generator=generator)
    head = MatchHead(16)
    assert torch.equal(head(a, b), head(b, a))


@pytest.mark.parametrize("embedding_dim", [4, 512])
def test_a_fresh_head_calls_equal_a_match_and_unrelated_none(embedding_dim, generator):
    drawn = torch.randn(2, 200, embedding_dim, generator=generator)
    a, b = functional.normalize(drawn, dim=2)
    head = MatchHead(embedding_dim)
    torch.testing.assert_close(head(a, a), torch.full((200,), 2.0))
    assert -3 < head(a, b).mean() < -1


def test_it_learns_which_dimension_counts(generator):
    head = MatchHead(2)
    points = torch.rand(400, 2, 2, generator=generator)
    a, b = points[:, 0], points[:, 1]
    same = ((a[:, 0] - b[:, 0]).abs() < 0.3).float()
    optimiser = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(200):
        loss = functional.binary_cross_entropy_with_logits(head(a, b), same)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert head.weight[0] < -10
    assert head.weight[1].abs() < 2
    assert ((head(a, b) > 0) == same.bool()).float().mean() > 0.95


def test_its_weights_are_part_of_a_network_that_holds_it():
    assert sorted(MatchHead(3).state_dict()) == ["bias", "weight"]
