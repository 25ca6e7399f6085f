"""The twin head: from two embeddings to the log odds that they show the same condition."""

from __future__ import annotations

import math

import torch
from torch import nn


class MatchHead(nn.Module):
    """Weighted L1 distance of two embeddings, as log odds (Koch, Zemel and Salakhutdinov 2015).

    `logit = bias + sum_j weight_j |a_j - b_j|`, whose sigmoid is the probability of a match as
    often as matches were shown in training. Siamese neural networks for one-shot image
    recognition, ICML deep learning workshop 2015, section 3.1. The head is symmetric, so the
    answer does not depend on which scan is named first.

    Attributes:
        weight: (embedding_dim,), what a difference in each dimension says; below 0, it speaks
            against a match.
        bias: (), the log odds of two equal embeddings.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        # The L1 distance of two unrelated unit vectors is near 1.1 sqrt(embedding_dim), so fresh
        # log odds go from 2 (equal) to about -2.5 (unrelated): near is a match from the start.
        self.weight = nn.Parameter(torch.full((embedding_dim,), -4 / math.sqrt(embedding_dim)))
        self.bias = nn.Parameter(torch.tensor(2.0))

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Return the log odds of a match, pair by pair.

        Args:
            a: (n, embedding_dim), one side of the pairs.
            b: (n, embedding_dim), the other side.

        Returns:
            (n,) log odds; above 0 a match is more likely than not.
        """
        return torch.mv((a - b).abs(), self.weight) + self.bias
