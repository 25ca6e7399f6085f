"""Embeddings as points in a plane, for the eye alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

_MOST = 1500  # points
_FEWEST_FOR_TSNE = 60
_PERPLEXITY = 30.0
_PLACED_BY = 3  # cases that say where a further scan lies


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Points in a plane.

    Attributes:
        points: (m, 2).
        rows: (m,) which embeddings these are.
        method: how they were placed, in words.
    """

    points: NDArray[np.float64]
    rows: NDArray[np.intp]
    method: str


def map_embeddings(embeddings: ArrayLike, *, metric: str, random_state: int) -> EmbeddingMap:
    """Place embeddings in a plane: t-SNE, or the two widest axes where they are few.

    L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", J. Machine Learning Research 9
    (2008) 2579-2605.

    Args:
        embeddings: (n, d) at least two.
        metric: "cosine" takes the lengths away first.
        random_state: seed.
    """
    x = np.asarray(embeddings, dtype=np.float64)
    rows = np.arange(len(x))
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng(random_state).choice(rows, _MOST, replace=False))
    x = x[rows]
    if metric == "cosine":
        lengths = np.linalg.norm(x, axis=1, keepdims=True)
        x = np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)
    n_axes = min(50, *x.shape)
    if n_axes < 2:
        return EmbeddingMap(np.pad(x[:, :1], ((0, 0), (0, 1))), rows, "the only axis there is")
    spread = float(x.var(axis=0).sum())
    if len(x) < _FEWEST_FOR_TSNE or spread < 1e-12:
        plane = PCA(2, random_state=random_state).fit_transform(x) if spread else x[:, :2]
        return EmbeddingMap(plane, rows, "the two axes along which the embeddings vary most (PCA)")
    axes = PCA(n_axes, random_state=random_state).fit_transform(x)
    placed = TSNE(
        2,
        perplexity=min(_PERPLEXITY, len(x) / 4),
        init="pca",
        learning_rate="auto",
        random_state=random_state,
    ).fit_transform(axes)
    return EmbeddingMap(
        placed.astype(np.float64),
        rows,
        "t-SNE: near neighbours stay near, far distances and sizes of groups mean nothing",
    )


def place_among(points: ArrayLike, distances: ArrayLike) -> NDArray[np.float64]:
    """Place one more scan by the points of the cases nearest to it: their mean, by nearness.

    Args:
        points: (m, 2) of cases.
        distances: (m,) to them; the nearest three count.

    Returns:
        (2,).
    """
    far = np.asarray(distances, dtype=np.float64)
    nearest = np.argsort(far, kind="stable")[:_PLACED_BY]
    weights = 1.0 / np.maximum(far[nearest], max(1e-9 * float(far[nearest].max()), 1e-300))
    at: NDArray[np.float64] = np.average(np.asarray(points)[nearest], axis=0, weights=weights)
    return at
