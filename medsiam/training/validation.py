"""How good the encoder is on the validation part, and whether its embeddings still differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from medsiam.encoders import Encoder
from medsiam.metrics import (
    leave_subject_out,
    mean_over_queries,
    precision_at_k,
    wilson_interval,
)
from medsiam.training.alarms import LEAST_SPREAD, embedding_spread
from medsiam.training.dataset import PreparedScans

# Of so many nearest scans hardly ever none is of a subject that a resample holds.
_BLOCK = 512  # scans whose distances to all others are held at once
_NEIGHBOURS = 256


@dataclass(frozen=True, eq=False)
class Validation:
    """Figures of one epoch.

    Attributes:
        hits: (n,) 1 where the nearest scan of another subject has the same condition; between 0
            and 1 where several are equally near.
        score: mean over the conditions of their mean hits; training keeps the epoch where it is
            highest.
        accuracy: plain mean of the hits.
        spread: `embedding_spread`: 0 where all are equal, near 1 where they point everywhere.
    """

    hits: NDArray[np.float64]
    score: float
    accuracy: float
    spread: float

    @property
    def collapsed(self) -> bool:
        """Whether all embeddings are nearly the same."""
        return self.spread < LEAST_SPREAD


def validate(encoder: Encoder, scans: PreparedScans, *, batch_size: int = 32) -> Validation:
    """Embed the scans and look up each one's nearest scan of another subject (cosine)."""
    embeddings = embed_part(encoder, scans, batch_size=batch_size)
    conditions = np.array(scans.conditions)
    hits = np.full(len(conditions), np.nan)
    blocks = leave_subject_out(embeddings, conditions, scans.subjects, metric="cosine")
    for queries, distances in blocks:
        same = conditions[queries, None] == conditions[None, :]
        hits[queries] = precision_at_k(distances, same, 1)
    mean = mean_over_queries(hits, conditions)
    return Validation(hits, mean.macro, mean.micro, embedding_spread(embeddings))


def embed_part(
    encoder: Encoder, scans: PreparedScans, *, batch_size: int = 32
) -> NDArray[np.float32]:
    """Return the embeddings of a part, (n, embedding_dim)."""
    starts = range(0, len(scans.tensors), batch_size)
    batches = (scans.tensors[start : start + batch_size] for start in starts)
    return np.concatenate([encoder.embed_tensors(batch) for batch in batches])


def score_interval(
    embeddings: NDArray[np.float32],
    conditions: Sequence[str],
    subjects: Sequence[str],
    score: float,
    *,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> tuple[float, float]:
    """95 % interval of `Validation.score`: other patients would ask, and others would answer.

    Subjects are drawn with replacement, as queries and as candidates alike, so that luck in who
    there is to be found counts too. The spread of the resampled scores gives the interval; their
    mean is not used, for a resample holds two thirds of the candidates and so scores less.

    Args:
        embeddings: (n, d).
        conditions: (n,).
        subjects: (n,), at least two.
        score: mean over conditions of the share of scans whose nearest scan of another subject
            has their condition.
        n_resamples: draws.
        random_state: seed.
    """
    owners = np.unique(np.asarray(subjects), return_inverse=True)[1]
    codes = np.unique(np.asarray(conditions), return_inverse=True)[1]
    n, n_subjects = len(owners), int(owners.max()) + 1
    if not 0 < score < 1:
        return wilson_interval(n_subjects * score, n_subjects)
    rng = np.random.default_rng(random_state)
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    nearest, finite = [], []
    for start in range(0, n, _BLOCK):
        distance = 1 - unit[start : start + _BLOCK] @ unit.T
        distance[owners[start : start + _BLOCK, None] == owners] = np.inf
        # Scans at equal distance stand in an order that is drawn, never in that of the table.
        found = np.lexsort((rng.random(distance.shape), distance))[:, :_NEIGHBOURS]
        nearest.append(found)
        finite.append(np.isfinite(np.take_along_axis(distance, found, axis=1)))
    order, reachable = np.concatenate(nearest), np.concatenate(finite)
    right = codes[order] == codes[:, None]
    condition_of = np.eye(int(codes.max()) + 1)[codes]
    scores = []
    for times in rng.multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), n_resamples):
        there = (times[owners] > 0)[order] & reachable
        hit = right[np.arange(n), there.argmax(axis=1)]
        weights = (times[owners] * there.any(axis=1))[:, None] * condition_of
        asked = weights.sum(axis=0)
        if asked.any():  # else one subject was drawn again and again
            scores.append(np.mean((hit @ weights)[asked > 0] / asked[asked > 0]))
    half = NormalDist().inv_cdf(0.975) * float(np.std(scores, ddof=1))
    return max(0.0, score - half), min(1.0, score + half)
