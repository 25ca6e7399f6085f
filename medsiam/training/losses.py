"""Losses of twin networks, on embeddings.

Contrastive: R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality reduction by learning an invariant
mapping", CVPR 2006. Triplet: F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet", CVPR 2015.
Supervised contrastive: P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020.
"""

from __future__ import annotations

import math

import torch

from medsiam.errors import UsageError


def contrastive_loss(
    first: torch.Tensor, second: torch.Tensor, dissimilar: torch.Tensor, *, margin: float
) -> torch.Tensor:
    """L = (1 - Y) D^2 + Y max(0, m - D)^2 per pair, D the Euclidean distance of the pair.

    Args:
        first: (n, d) embeddings of one side.
        second: (n, d) embeddings of the other side.
        dissimilar: (n,) Y: 1 or True for a pair of different conditions.
        margin: m, the distance from which a dissimilar pair is far enough.

    Returns:
        scalar: the mean over the similar pairs and the mean over the dissimilar pairs, each with
        weight one half, as if the batch held as many of one kind as of the other.

    Raises:
        UsageError: if one of the two kinds is missing: the loss would pull everything together
            or push everything apart, and a mean over nothing would hide it.
    """
    apart = dissimilar.bool()
    if apart.all() or not apart.any():
        kind = "similar" if apart.all() else "dissimilar"
        raise UsageError(
            f"contrastive loss: the batch of {len(apart)} pairs holds no {kind} pair; "
            "draw at least two scans of each of at least two conditions"
        )
    # vector_norm has gradient 0 at D = 0, where the plain square root has an infinite one.
    distance: torch.Tensor = torch.linalg.vector_norm(first - second, dim=1)
    pull = distance[~apart].square().mean()
    push = (margin - distance[apart]).clamp_min(0).square().mean()
    loss: torch.Tensor = (pull + push) / 2
    return loss


def triplet_loss(
    anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, *, margin: float
) -> torch.Tensor:
    """L = max(|f(A) - f(P)|^2 - |f(A) - f(N)|^2 + m, 0), the mean over the triplets.

    Args:
        anchor: (n, d) embeddings f(A).
        positive: (n, d) embeddings f(P), of the anchor's condition.
        negative: (n, d) embeddings f(N), of another condition.
        margin: m, in units of squared distance.

    Returns:
        scalar.

    Raises:
        UsageError: if there is no triplet at all.
    """
    if len(anchor) == 0:
        raise UsageError(
            "triplet loss: the batch holds no triplet; draw at least two scans of one condition "
            "and one of another"
        )
    to_positive = (anchor - positive).square().sum(dim=1)
    to_negative = (anchor - negative).square().sum(dim=1)
    return (to_positive - to_negative + margin).clamp_min(0).mean()


def supervised_contrastive_loss(
    embeddings: torch.Tensor,
    positive: torch.Tensor,
    negative: torch.Tensor,
    *,
    temperature: float,
) -> torch.Tensor:
    """Cross-entropy of picking a similar scan among all others (equation 2 of Khosla et al.).

    L = mean over anchors i, and over the positives p of i, of
    -log(exp(z_i z_p / t) / sum over the positives and negatives a of i of exp(z_i z_a / t)).

    Args:
        embeddings: (n, d); z are these, brought to unit length.
        positive: (n, n) True where the column is similar to the row's scan and another one.
        negative: (n, n) True where the column is of another condition.
        temperature: t.

    Returns:
        scalar: anchors without positive or without negative have no say.

    Raises:
        UsageError: if no anchor has both.
    """
    anchors = positive.any(dim=1) & negative.any(dim=1)
    if not anchors.any():
        raise UsageError(
            "supervised contrastive loss: no scan of the batch has a similar and a dissimilar one; "
            "draw at least two scans of each of at least two conditions"
        )
    unit = torch.nn.functional.normalize(embeddings, dim=1)
    closeness = (unit @ unit.T / temperature)[anchors]
    similar, others = positive[anchors], (positive | negative)[anchors]
    total = closeness.masked_fill(~others, -math.inf).logsumexp(dim=1, keepdim=True)
    per_anchor = (total - closeness).masked_fill(~similar, 0).sum(dim=1) / similar.sum(dim=1)
    return per_anchor.mean()
