"""Losses of twin networks, on embeddings.

Contrastive: R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality reduction by learning an invariant
mapping", CVPR 2006. Triplet: F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet", CVPR 2015.
Supervised contrastive: P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020.
Multi-similarity: X. Wang et al., "Multi-similarity loss with general pair weighting for deep
metric learning", CVPR 2019. Prototypical: J. Snell, K. Swersky, R. Zemel, "Prototypical networks
for few-shot learning", NeurIPS 2017. Match: G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural
networks for one-shot image recognition", ICML workshop 2015.

Contrastive and triplet are the formulas this project started from. They take pairs and triplets
rather than labels, as supervised contrastive and multi-similarity take masks, so that the caller
decides what is compared: never two scans of one subject as similar where there is another choice.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss
from torch.nn import functional

from medsiam.errors import UsageError
from medsiam.training.sampling import Indices


def squared_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return (m, n) squared Euclidean distances of (m, d) to (n, d), exactly 0 between equals."""
    distances = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.square()


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
    _check_both_kinds(apart, "contrastive")
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
    to_positive = (anchor - positive).square().sum(dim=1)
    to_negative = (anchor - negative).square().sum(dim=1)
    return triplet_hinge(to_positive, to_negative, margin=margin)


def triplet_hinge(
    to_positive: torch.Tensor, to_negative: torch.Tensor, *, margin: float
) -> torch.Tensor:
    """`triplet_loss` from the squared distances of (n,) triplets.

    A batch has many more triplets than pairs, so distances are best computed once per pair.
    """
    if len(to_positive) == 0:
        raise UsageError(
            "triplet loss: the batch holds no triplet; draw at least two scans of one condition "
            "and one of another"
        )
    return (to_positive - to_negative + margin).clamp_min(0).mean()


def supervised_contrastive_loss(
    embeddings: torch.Tensor,
    positive: torch.Tensor,
    negative: torch.Tensor,
    *,
    temperature: float,
    candidates: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of picking a similar scan among all others (equation 2 of Khosla et al.).

    L = mean over anchors i, and over the positives p of i, of
    -log(exp(z_i z_p / t) / sum over the positives and negatives a of i of exp(z_i z_a / t)).

    Args:
        embeddings: (m, d) of the anchors; z are these, brought to unit length.
        positive: (m, n) True where the column is similar to the row's scan and another one.
        negative: (m, n) True where the column is of another condition.
        temperature: t.
        candidates: (n, d) what the anchors are compared with; None: each other.

    Returns:
        scalar: anchors without positive or without negative have no say.

    Raises:
        UsageError: if no anchor has both.
    """
    anchors = _with_both(positive, negative, "supervised contrastive")
    unit = functional.normalize(embeddings, dim=1)
    others_unit = unit if candidates is None else functional.normalize(candidates, dim=1)
    closeness = (unit @ others_unit.T / temperature)[anchors]
    similar, others = positive[anchors], (positive | negative)[anchors]
    total = closeness.masked_fill(~others, -math.inf).logsumexp(dim=1, keepdim=True)
    per_anchor = (total - closeness).masked_fill(~similar, 0).sum(dim=1) / similar.sum(dim=1)
    return per_anchor.mean()


def multi_similarity_loss(
    embeddings: torch.Tensor,
    positive: torch.Tensor,
    negative: torch.Tensor,
    *,
    candidates: torch.Tensor | None = None,
) -> torch.Tensor:
    """Pairs weighted by how they compare with the anchor's others (equation 15 of Wang et al.).

    pytorch-metric-learning's, with its constants (alpha 2, beta 50, lambda 0.5) and ours to say
    which pairs count.

    Args:
        embeddings: (m, d) of the anchors; compared by the cosine.
        positive: (m, n) True where the column is similar to the row's scan and another one.
        negative: (m, n) True where the column is of another condition.
        candidates: (n, d) what the anchors are compared with; None: each other.

    Returns:
        scalar: the mean over the anchors that have both kinds.

    Raises:
        UsageError: if no anchor has both; the library would answer 0 without a word.
    """
    anchors = _with_both(positive, negative, "multi-similarity")
    pairs = (*positive[anchors].nonzero().T, *negative[anchors].nonzero().T)
    loss: torch.Tensor = MultiSimilarityLoss()(
        embeddings[anchors],
        indices_tuple=pairs,
        ref_emb=embeddings if candidates is None else candidates,
    )
    return loss


def prototypical_loss(
    support: torch.Tensor,
    support_conditions: Indices,
    queries: torch.Tensor,
    query_conditions: Indices,
    *,
    temperature: float,
) -> torch.Tensor:
    """Cross-entropy of a query's condition, its logits -|f(Q) - prototype|^2 / t (Snell et al.).

    Args:
        support: (s, d) embeddings; a condition's prototype is the mean of its own, be they few
            or many.
        support_conditions: (s,).
        queries: (q, d) embeddings.
        query_conditions: (q,) each among those of the support.
        temperature: t, in units of squared distance; 1 is Snell's.

    Returns:
        scalar: the mean over the queries.

    Raises:
        UsageError: if there is no query, or fewer than two conditions.
    """
    names, codes = np.unique(support_conditions, return_inverse=True)
    if len(queries) == 0 or len(names) < 2:
        raise UsageError(
            f"prototypical loss: {len(queries)} queries and {len(names)} conditions; draw at "
            "least two conditions, and scans that ask besides those that are support"
        )
    members = functional.one_hot(torch.from_numpy(codes)).T.to(support.dtype)
    prototypes = members @ support / members.sum(dim=1, keepdim=True)
    logits = -squared_distances(queries, prototypes) / temperature
    return functional.cross_entropy(
        logits, torch.from_numpy(np.searchsorted(names, query_conditions))
    )


def match_loss(logits: torch.Tensor, dissimilar: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of "same condition" over pairs (Koch et al.).

    Args:
        logits: (n,) of a match, from the twin head.
        dissimilar: (n,) True for a pair of different conditions.

    Returns:
        scalar: the mean over the similar pairs and the mean over the dissimilar pairs, each with
        weight one half; so a probability of 1/2 divides what is as likely either way.

    Raises:
        UsageError: if one of the two kinds is missing.
    """
    _check_both_kinds(dissimilar, "match")
    losses = functional.binary_cross_entropy_with_logits(
        logits, (~dissimilar).to(logits.dtype), reduction="none"
    )
    return (losses[~dissimilar].mean() + losses[dissimilar].mean()) / 2


def _check_both_kinds(dissimilar: torch.Tensor, loss: str) -> None:
    if dissimilar.all() or not dissimilar.any():
        kind = "similar" if dissimilar.all() else "dissimilar"
        raise UsageError(
            f"{loss} loss: the batch of {len(dissimilar)} pairs holds no {kind} pair; "
            "draw at least two scans of each of at least two conditions"
        )


def _with_both(positive: torch.Tensor, negative: torch.Tensor, loss: str) -> torch.Tensor:
    """(m,) True for anchors with something similar and something dissimilar."""
    anchors = positive.any(dim=1) & negative.any(dim=1)
    if not anchors.any():
        raise UsageError(
            f"{loss} loss: no scan of the batch has a similar and a dissimilar one; "
            "draw at least two scans of each of at least two conditions"
        )
    return anchors
