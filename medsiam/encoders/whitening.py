"""Whitening: what varies where it says nothing about the condition is made small.

Fitted on scans of known conditions, within-condition scatter is divided out, as in linear
discriminant analysis (R. A. Fisher 1936) and in within-class covariance normalisation (A. Hatch
et al., Interspeech 2006). Without conditions, the scatter of all scans is; a site can do so on its
own unlabelled scans.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from medsiam.errors import UsageError


class Whitening(nn.Module):
    """x -> (x - mean) W, for each of several kinds of scans that the features themselves tell.

    A whitening fitted on blood cells says nothing about chest X-rays. With several domains, a scan
    takes that of the domain whose centre its features are nearest to (cosine), if they are as near
    as that domain's radius; else it has none.

    With `keep`, plain and whitened features are joined, each of unit length, with `keep` of the
    squared length for the plain ones: they carry over to conditions unlike those fitted on, and a
    scan of no domain can still be compared by them (its whitened part is 0).

    Attributes:
        dim: length of the features.
        n_domains: how many.
        keep: share of the plain features.
        out_dim: length of the result: `dim`, or twice that with `keep`.
    """

    mean: torch.Tensor
    matrix: torch.Tensor
    centre: torch.Tensor
    radius: torch.Tensor

    def __init__(self, dim: int, n_domains: int = 1, *, keep: float = 0.0) -> None:
        super().__init__()
        self.dim, self.n_domains, self.keep = dim, n_domains, keep
        self.out_dim = 2 * dim if keep else dim
        self.register_buffer("mean", torch.zeros(n_domains, dim))
        self.register_buffer("matrix", torch.eye(dim).repeat(n_domains, 1, 1))
        self.register_buffer("centre", torch.zeros(n_domains, dim))
        self.register_buffer("radius", torch.zeros(n_domains))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(n, dim) -> (n, out_dim)."""
        if self.n_domains == 1:
            whitened = (features - self.mean[0]) @ self.matrix[0]
        else:
            # All by each, then chosen: the same steps for every batch, as exported graphs need it.
            domains = self.domains(features)[:, None]
            whitened = torch.zeros_like(features) if self.keep else features
            for domain in range(self.n_domains):
                own = (features - self.mean[domain]) @ self.matrix[domain]
                whitened = own.where(domains == domain, whitened)
        if not self.keep:
            return whitened
        parts = (self.keep**0.5, features), ((1 - self.keep) ** 0.5, whitened)
        return torch.cat([weight * functional.normalize(x, dim=1) for weight, x in parts], dim=1)

    def domains(self, features: torch.Tensor) -> torch.Tensor:
        """(n, dim) -> (n,) number of the domain that each scan belongs to; -1: none."""
        unit, centres = (functional.normalize(x, dim=1) for x in (features, self.centre))
        distance, nearest = (1 - unit @ centres.T).min(dim=1)
        return nearest.where(distance <= self.radius[nearest], torch.full_like(nearest, -1))

    def fit(
        self,
        features: torch.Tensor,
        conditions: Sequence[str] | None,
        *,
        shrinkage: float,
        domain: int = 0,
    ) -> None:
        """Fit one domain.

        Args:
            features: (n, dim) of training scans, each look at a scan a row.
            conditions: (n,) of each row; None: the scatter of all rows around their mean.
            shrinkage: 0 to 1, of the scatter towards the same variance along all axes.
            domain: which one.

        Raises:
            UsageError: rows that do not vary, or fewer than two.
        """
        x = features.detach().double().cpu().numpy()
        names = np.zeros(len(x), dtype=int) if conditions is None else np.asarray(conditions)
        if len(x) != len(names):
            raise UsageError(f"{len(x)} rows of features for {len(names)} conditions")
        scatter = np.zeros((self.dim, self.dim))
        for name in np.unique(names):
            own = x[names == name]
            scatter += (own - own.mean(axis=0)).T @ (own - own.mean(axis=0))
        scatter /= max(len(x), 1)
        variance = np.trace(scatter) / self.dim
        if not np.isfinite(variance) or variance <= 0:
            raise UsageError(
                f"whitening cannot be fitted: the features of {len(x)} rows do not vary"
                + ("" if conditions is None else " within their conditions")
            )
        shrunk = (1 - shrinkage) * scatter / variance + shrinkage * np.eye(self.dim)
        values, axes = np.linalg.eigh(shrunk)
        matrix = (axes / np.sqrt(np.maximum(values, 1e-6))) @ axes.T
        unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        self.mean[domain] = torch.from_numpy(x.mean(axis=0))
        self.matrix[domain] = torch.from_numpy(matrix)
        self.centre[domain] = torch.from_numpy(unit.mean(axis=0))
        self.radius[domain] = _radius(unit, names)


def _radius(unit: NDArray[np.float64], names: NDArray[np.generic]) -> float:
    """How far from the centre a scan of this kind may lie, also one of a condition never seen.

    Each condition in turn (or each quarter of the rows) is looked at from the centre of the others.
    """
    groups = names if len(np.unique(names)) > 1 else np.arange(len(unit)) % _FOLDS
    distances = []
    for group in np.unique(groups):
        centre = unit[groups != group].mean(axis=0)
        length = max(float(np.linalg.norm(centre)), 1e-12)
        distances.append(1 - unit[groups == group] @ centre / length)
    return float(_REACH * np.quantile(np.concatenate(distances), 0.99))


_FOLDS = 4
_REACH = 1.2
