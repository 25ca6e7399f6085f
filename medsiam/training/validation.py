"""How good the encoder is on the validation part, and whether its embeddings still differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.encoders import Encoder
from medsiam.metrics import leave_subject_out, mean_over_queries, precision_at_k
from medsiam.training.alarms import LEAST_SPREAD, embedding_spread
from medsiam.training.dataset import PreparedScans


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
    starts = range(0, len(scans.rows), batch_size)
    embeddings = np.concatenate(
        [encoder.embed_tensors(scans.tensors[i : i + batch_size]) for i in starts]
    )
    conditions = np.array(scans.conditions)
    hits = np.full(len(conditions), np.nan)
    blocks = leave_subject_out(embeddings, conditions, scans.subjects, metric="cosine")
    for queries, distances in blocks:
        same = conditions[queries, None] == conditions[None, :]
        hits[queries] = precision_at_k(distances, same, 1)
    mean = mean_over_queries(hits, conditions)
    return Validation(hits, mean.macro, mean.micro, embedding_spread(embeddings))
