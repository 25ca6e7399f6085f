"""The twin network: one encoder, shared by both branches, from images to embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import torch
from torch import nn
from torch.nn import functional

from medsiam.encoders.backbones import build_backbone
from medsiam.encoders.card import Architecture
from medsiam.encoders.match_head import MatchHead
from medsiam.encoders.views import VIEWS
from medsiam.encoders.whitening import Whitening
from medsiam.errors import UsageError


class TwinEncoder(nn.Module):
    """Backbone and what follows it, each part if asked for: projection, whitening, unit length.

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
        self, *, spatial_dims: Literal[2, 3], backbone: str = "resnet18", **parts: Any
    ) -> None:
        """Build the network with fresh weights (drawn from torch's global generator).

        Args:
            spatial_dims: 2 or 3.
            backbone: one of `BACKBONES`.
            parts: further fields of `Architecture`.

        Raises:
            pydantic.ValidationError: a field that is unknown or wrong.
            UsageError: parts that do not fit each other.
        """
        super().__init__()
        architecture = Architecture.model_validate(
            {"spatial_dims": spatial_dims, "backbone": backbone, **parts}
        )
        self.backbone = build_backbone(architecture)
        n_features = self.backbone.feature_dim
        dim, parts_joined = architecture.embedding_dim, 2 if architecture.whitening_keeps else 1
        if dim % parts_joined or (not architecture.project and dim != parts_joined * n_features):
            raise UsageError(
                f"embedding_dim = {dim}, but the embedding joins {parts_joined} times "
                f"{n_features if not architecture.project else 'as many'} features"
            )
        dim //= parts_joined
        self.projection = nn.Linear(n_features, dim) if architecture.project else nn.Identity()
        self.neck: nn.Module = nn.Identity()
        if architecture.standardize:
            self.neck = nn.BatchNorm1d(dim, affine=False)
        self.whitening: Whitening | nn.Identity = nn.Identity()
        if architecture.whitened_domains:
            self.whitening = Whitening(
                dim, architecture.whitened_domains, keep=architecture.whitening_keeps
            )
        self.match_head = MatchHead(architecture.embedding_dim) if architecture.match_head else None
        self.embedding_dim = architecture.embedding_dim
        self.normalize = architecture.normalize
        self._views = VIEWS[architecture.views]
        # Looks along other axes see other things; flips and turns are samples of the same.
        self._views_are_samples = architecture.views != "axes"

    @classmethod
    def from_architecture(cls, architecture: Architecture) -> Self:
        """Build the network that a card describes, with fresh weights."""
        return cls(**dict(architecture))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed images: (n, in_channels, *size) -> (n, embedding_dim).

        In training mode one look at each image; else the mean over the architecture's views.
        """
        features = self.features(x) if self.training else self.view_features(x).mean(dim=0)
        return self._finished(features)

    def view_maps(self, x: torch.Tensor) -> list[list[torch.Tensor]]:
        """Each view's feature maps that are pooled, as `Backbone.used_maps` gives them."""
        return [self.backbone.used_maps(view(x)) for view in self._views]

    def of_view_maps(self, view_maps: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
        """The rest of the way, from `view_maps` to the embeddings of evaluation mode."""
        looks = [self._projected(self.backbone.pooled(maps)) for maps in view_maps]
        return self._finished(torch.stack(looks).mean(dim=0))

    def _finished(self, features: torch.Tensor) -> torch.Tensor:
        embeddings: torch.Tensor = self.whitening(features)
        return functional.normalize(embeddings, dim=1) if self.normalize else embeddings

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What whitening sees, of one look: (n, in_channels, *size) -> (n, dim)."""
        return self._projected(self.backbone(x))

    def of_features(self, features: torch.Tensor) -> torch.Tensor:
        """The rest of the way of one look, from what the backbone gives to the embedding."""
        return self._finished(self._projected(features))

    def _projected(self, features: torch.Tensor) -> torch.Tensor:
        projected: torch.Tensor = self.neck(self.projection(features))
        return projected

    def view_features(self, x: torch.Tensor) -> torch.Tensor:
        """(n, in_channels, *size) -> (n_views, n, dim)."""
        return torch.stack([self.features(view(x)) for view in self._views])

    def whitening_samples(self, x: torch.Tensor) -> torch.Tensor:
        """What a whitening is fitted on: (n, in_channels, *size) -> (n_samples, n, dim)."""
        features = self.view_features(x)
        return features if self._views_are_samples else features.mean(dim=0, keepdim=True)

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
