"""Small encoders and scans for the tests of what is exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from medsiam.encoders import Architecture, Encoder, new_encoder
from medsiam.preprocessing import Recipe


def whitened(spatial_dims: int, **architecture) -> Encoder:
    """A small encoder of the shipped kind: several maps, several views, two whitenings."""
    encoder = new_encoder(
        Architecture(
            spatial_dims=spatial_dims,
            backbone="efficientnet-lite0",
            stages=(2, 3),
            pooling="centre",
            project=False,
            whitened_domains=2,
            whitening_keeps=0.3,
            **{"views": "flip" if spatial_dims == 2 else "axes"} | architecture,
        ),
        Recipe(spatial_dims=spatial_dims, spatial_size=(40, 32, 24)[:spatial_dims]),
        name="test",
        licence="CC0-1.0",
    )
    scans = torch.cat([batch(encoder, 12, seed=1), batch(encoder, 12, seed=2, grain=1)])
    with torch.no_grad():
        encoder.network.train()
        for _ in range(20):  # statistics for the norms: a fresh deep net fades
            encoder.network(scans)
        encoder.network.eval()
        features = encoder.network.view_features(scans).mean(dim=0)
        for domain in range(2):
            own = features[12 * domain : 12 * domain + 12]
            encoder.network.whitening.fit(own, None, shrinkage=0.5, domain=domain)
    return encoder.with_card()


def batch(encoder: Encoder, n: int, *, seed: int = 0, grain: int = 8) -> torch.Tensor:
    """Prepared scans of two kinds, as the whitening tells them: of coarse grain, and of fine."""
    drawn = torch.Generator().manual_seed(seed)
    size = encoder.recipe.spatial_size
    coarse = torch.rand((n, 1, *(s // grain for s in size)), generator=drawn)
    return torch.nn.functional.interpolate(coarse, size=size, mode="nearest")


def write_cases(folder: Path, n: int) -> Path:
    """A case table of n images, each of a patient of his own."""
    rng = np.random.default_rng(0)
    lines = ["path,condition,patient_id"]
    for number in range(n):
        pixels = np.kron(rng.integers(0, 255, (5, 4)), np.ones((8, 8))).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(f"{number}.png,c{number % 2},Doe^Jane{number}")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return folder / "cases.csv"
