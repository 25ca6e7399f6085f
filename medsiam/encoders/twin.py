"""The twin network: one encoder, shared by both branches, from images to embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import nn
from torch.nn import functional

from medsiam.encoders.backbones import build_backbone
from medsiam.encoders.card import Architecture


class TwinEncoder(nn.Module):
    """Backbone, linear projection and, if asked for, standardisation and unit length.

    Fresh networks map all images to nearly the same embedding. Standardising each dimension before
    the length is fixed (the batch normalisation neck of Luo et al. 2019, arXiv:1903.07071, without
    scale and shift) takes that common part away, so that training need not find it first.

    A Siamese network is one network applied twice: both branches share every weight, so the
    class holds one branch and `forward_pair` applies it to both images (Bromley et al. 1993).

    Attributes:
        embedding_dim: length of an embedding.
        normalize: whether embeddings have unit length.
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        backbone: str = "resnet18",
        in_channels: int = 1,
        embedding_dim: int = 128,
        width: float = 1.0,
        standardize: bool = False,
        normalize: bool = True,
        image_size: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.backbone = build_backbone(
            backbone,
            spatial_dims=spatial_dims,
            in_channels=in_channels,
            width=width,
            image_size=image_size,
        )
        self.projection = nn.Linear(self.backbone.feature_dim, embedding_dim)
        self.neck = nn.BatchNorm1d(embedding_dim, affine=False) if standardize else nn.Identity()
        self.embedding_dim = embedding_dim
        self.normalize = normalize

    @classmethod
    def from_architecture(cls, architecture: Architecture) -> Self:
        """Build the network that a card describes, with fresh weights."""
        return cls(**{name: getattr(architecture, name) for name in Architecture.model_fields})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed images: (n, in_channels, *size) -> (n, embedding_dim)."""
        embeddings: torch.Tensor = self.neck(self.projection(self.backbone(x)))
        return functional.normalize(embeddings, dim=1) if self.normalize else embeddings

    def forward_pair(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed both sides of pairs in one pass, with the same weights.

        Args:
            a: (n, in_channels, *size), one side.
            b: (m, in_channels, *size), the other side.

        Returns:
            (n, embedding_dim) and (m, embedding_dim).
        """
        both = self(torch.cat([a, b]))
        return both[: len(a)], both[len(a) :]

    def feature_maps(self, x: torch.Tensor) -> torch.Tensor:
        """Last spatial feature map: (n, in_channels, *size) -> (n, channels, *map size)."""
        return self.backbone.feature_maps(x)
