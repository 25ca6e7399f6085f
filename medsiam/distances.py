"""Distances between embeddings on plain arrays. Lower = closer, everywhere.

The distance of a pair depends on that pair alone, bit for bit: not on the other rows, their order
or which of the two is the query. So equal cases tie exactly and d(a, b) = d(b, a) holds exactly.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.errors import UsageError

METRICS = ("euclidean", "cosine", "mahalanobis")

Floats = NDArray[np.float64]

# A block of pairs stays in the processor's cache, and bounds the memory of temporary arrays.
_BLOCK_ROWS = 64
_BLOCK_PAIRS = 64 * 128
# Below this share of |a|^2 + |b|^2, the squared distance has lost too many digits to cancellation.
_CANCELLED = 1e-6


def pairwise_distances(
    queries: ArrayLike,
    references: ArrayLike,
    *,
    metric: str,
    precision: ArrayLike | None = None,
) -> Floats:
    """Return the distance of every query to every reference.

    Args:
        queries: (n, d) embeddings.
        references: (m, d) embeddings.
        metric: "euclidean"; "cosine" (1 - cosine similarity, within [0, 2]; a zero vector has no
            direction and lies at 1 from everything, itself included); "mahalanobis"
            (sqrt((a - b)^T P (a - b))).
        precision: (d, d) matrix P, symmetric and positive semidefinite; needed by "mahalanobis",
            not used by the others. See `shrunk_precision`.

    Returns:
        (n, m) float64.

    Raises:
        UsageError: for an unknown metric, shapes that do not fit, values that are not finite, or
            a precision that is missing or no precision matrix.
    """
    check_metric(metric)
    a = _as_embeddings(queries, "queries")
    b = _as_embeddings(references, "references")
    if a.shape[1] != b.shape[1]:
        raise UsageError(
            f"queries have {a.shape[1]} dimensions and references {b.shape[1]}: "
            "they come from different encoders or from cases with different phases"
        )
    root = None
    if metric == "mahalanobis":
        if precision is None:
            raise UsageError("metric mahalanobis needs a precision matrix (see shrunk_precision)")
        root = precision_root(precision, a.shape[1])
    a, b = metric_points(a, metric=metric, root=root), metric_points(b, metric=metric, root=root)
    return point_distances(a, b, metric=metric)


def metric_points(embeddings: ArrayLike, *, metric: str, root: Floats | None = None) -> Floats:
    """Return the embeddings as the metric sees them, so that a bank is prepared only once.

    Unit vectors for "cosine", as they are for "euclidean", and for "mahalanobis" moved to where
    its distance is the Euclidean one.

    Args:
        embeddings: (n, d).
        metric: one of `METRICS`.
        root: (d, d) of `precision_root`, for "mahalanobis".

    Returns:
        (n, d) for `point_distances`.

    Raises:
        UsageError: for values that are not finite, or a missing root.
    """
    x = _as_embeddings(embeddings, "embeddings")
    if metric == "cosine":
        return _unit_rows(x)
    if metric == "mahalanobis":
        if root is None:
            raise UsageError("metric mahalanobis needs the root of a precision matrix")
        return _over_blocks(_dots, x, root)
    return x


def point_distances(a: Floats, b: Floats, *, metric: str) -> Floats:
    """Return the (n, m) distances of (n, d) and (m, d) `metric_points`."""
    return _over_blocks(_cosine_block if metric == "cosine" else _euclidean_block, a, b)


def row_distances(a: Floats, b: Floats, *, metric: str) -> Floats:
    """Return the (n,) distances of (n, d) `metric_points` to (n, d) others, row by row."""
    if metric == "cosine":
        cosines: Floats = np.clip(1.0 - np.vecdot(a, b), 0.0, 2.0)
        return cosines
    differences = a - b
    lengths: Floats = np.sqrt(np.vecdot(differences, differences))
    return lengths


def check_metric(metric: str) -> None:
    """Refuse a metric that is none of `METRICS`.

    Raises:
        UsageError: naming the three and the nearest spelling.
    """
    if metric in METRICS:
        return
    near = difflib.get_close_matches(str(metric).lower(), METRICS, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"unknown metric {metric!r}: choose one of {', '.join(METRICS)}{hint}")


def shrunk_precision(
    embeddings: ArrayLike, labels: ArrayLike | None = None, *, dimensions: int | None = None
) -> Floats:
    """Return the inverse of the within-label covariance, shrunk towards a multiple of identity.

    The amount of shrinkage is the one of Ledoit and Wolf, "A well-conditioned estimator for
    large-dimensional covariance matrices", J. Multivariate Analysis 88 (2004) 365-411, on the
    differences of each embedding to the mean of its label. Embeddings that are alone in their
    label say nothing about spread and are left out. Where the formula leaves a singular matrix
    (the residuals fill one direction, say), the mean variance is taken for every direction.

    Args:
        embeddings: (n, d); n may be smaller than d.
        labels: (n,) label of each row; None: all rows belong to one label.
        dimensions: of the space that the embeddings come from, where they are given as
            `span_coordinates`; None: d.

    Returns:
        (d, d) float64, symmetric and positive definite.

    Raises:
        UsageError: where no label has two different embeddings, so that no spread is known.
    """
    x = _as_embeddings(embeddings, "embeddings")
    residuals = _within_label_residuals(x, labels)
    scale = float(np.abs(residuals).max(initial=0.0))
    if scale <= 1e-12 * float(np.abs(x).max(initial=0.0)):
        raise UsageError(
            "metric mahalanobis cannot learn the spread within a condition: no condition has two "
            "different cases; add cases, or use metric cosine or euclidean"
        )
    covariance = _ledoit_wolf(residuals / scale, dimensions or x.shape[1]) * scale**2
    precision = np.linalg.inv(covariance).astype(np.float64)
    symmetric: Floats = (precision + precision.T) / 2
    return symmetric


def span_coordinates(embeddings: ArrayLike) -> Floats:
    """Return the same points in as few dimensions as they span, at the same distances.

    Few cases in a large space span a small part of it. There, a precision is the same matrix,
    only smaller, because shrinkage treats all directions outside alike.

    Args:
        embeddings: (n, d).

    Returns:
        (n, min(n, d)): coordinates in an orthonormal basis.
    """
    x = _as_embeddings(embeddings, "embeddings")
    if len(x) >= x.shape[1]:
        return x
    triangle = np.asarray(np.linalg.qr(x.T, mode="r"), dtype=np.float64)  # x^T = basis triangle
    return np.ascontiguousarray(triangle.T)


def _ledoit_wolf(x: Floats, d: int) -> Floats:
    """Shrunk covariance of centred rows: the estimator S* of the paper, in d dimensions."""
    n = len(x)
    sample = x.T @ x / n
    mean_variance = float(np.trace(sample)) / d
    spread = float(np.sum(sample**2)) / d - mean_variance**2  # |S - mu I|^2
    noise = (float(np.sum(np.sum(x**2, axis=1) ** 2)) / n - float(np.sum(sample**2))) / (n * d)
    shrinkage = min(noise, spread) / spread if noise > 0 and spread > 0 else 0.0
    shrunk: Floats = (1 - shrinkage) * sample + shrinkage * mean_variance * np.eye(x.shape[1])
    nearly_none = shrinkage < 1e-6
    if nearly_none and np.linalg.eigvalsh(shrunk)[0] < 1e-6 * mean_variance:
        shrunk = mean_variance * np.eye(x.shape[1])
    return shrunk


def _within_label_residuals(x: Floats, labels: ArrayLike | None) -> Floats:
    codes = np.zeros(len(x), dtype=np.intp)
    if labels is not None:
        names = np.asarray(labels)
        if names.shape != (len(x),):
            raise UsageError(f"{len(x)} embeddings need as many labels, got {names.shape}")
        codes = np.unique(names, return_inverse=True)[1]
    parts = [x[codes == code] for code in range(codes.max(initial=-1) + 1)]
    parts = [part - part.mean(axis=0) for part in parts if len(part) > 1]
    return np.concatenate(parts) if parts else np.empty((0, x.shape[1]))


def _as_embeddings(values: ArrayLike, name: str) -> Floats:
    array: Floats = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise UsageError(f"{name} must be (n, d), got shape {array.shape}")
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise UsageError(f"{name} hold a value that is not finite (NaN or infinity) in row {row}")
    return array


def precision_root(precision: ArrayLike, d: int) -> Floats:
    """Return the (d, d) matrix R with R^T R = precision: |R a - R b| is the distance.

    Raises:
        UsageError: where it is no precision matrix of d dimensions.
    """
    matrix = np.asarray(precision, dtype=np.float64)
    if matrix.shape != (d, d) or not np.isfinite(matrix).all():
        raise UsageError(f"precision must be a finite ({d}, {d}) matrix, got shape {matrix.shape}")
    largest = float(np.abs(matrix).max(initial=0.0))
    if np.abs(matrix - matrix.T).max(initial=0.0) > 1e-8 * largest:
        raise UsageError("precision must be symmetric")
    try:
        return np.ascontiguousarray(np.linalg.cholesky(matrix).T)
    except np.linalg.LinAlgError:  # semidefinite, or no precision at all
        values, vectors = np.linalg.eigh(matrix)
    if values[0] < -1e-8 * largest:
        raise UsageError("precision must be positive semidefinite")
    return np.ascontiguousarray((vectors * np.sqrt(np.clip(values, 0, None))).T)


def _unit_rows(x: Floats) -> Floats:
    norms = np.sqrt(np.vecdot(x, x))[:, None]
    unit: Floats = np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
    return unit


def _dots(a: Floats, b: Floats) -> Any:
    # Not a matrix product: BLAS may sum a pair in another order when its neighbours change.
    return np.vecdot(a[:, None], b[None, :])


def _cosine_block(a: Floats, b: Floats) -> Any:
    return np.clip(1.0 - _dots(a, b), 0.0, 2.0)


def _euclidean_block(a: Floats, b: Floats) -> Any:
    sizes = np.vecdot(a, a)[:, None] + np.vecdot(b, b)[None, :]
    squared = sizes - 2.0 * _dots(a, b)
    rows, columns = np.nonzero(squared <= _CANCELLED * sizes)
    differences = a[rows] - b[columns]
    squared[rows, columns] = np.vecdot(differences, differences)
    return np.sqrt(squared)


def _over_blocks(block: Callable[[Floats, Floats], Any], a: Floats, b: Floats) -> Floats:
    """Fill (n, m) with `block` of rows of `a` (n, d) against rows of `b` (m, d)."""
    result = np.empty((len(a), len(b)), dtype=np.float64)
    width = _BLOCK_PAIRS // min(max(len(a), 1), _BLOCK_ROWS)
    for i in range(0, len(a), _BLOCK_ROWS):
        rows = slice(i, i + _BLOCK_ROWS)
        for j in range(0, len(b), width):
            columns = slice(j, j + width)
            result[rows, columns] = block(a[rows], b[columns])
    return result
