from __future__ import annotations

import pytest
import torch

from medsiam.encoders import (
    Architecture,
    Encoder,
    TrainingData,
    load_encoder,
    new_encoder,
    save_encoder,
)
from medsiam.encoders.domains import join_domains
from medsiam.errors import EncoderMismatchError
from medsiam.preprocessing import Recipe


def domain(name: str, images: torch.Tensor, *, random_state: int = 0) -> Encoder:
    encoder = new_encoder(
        Architecture(
            spatial_dims=2, backbone="resnet10", width=0.125, project=False, normalize=False,
            whitened_domains=1,
        ),
        Recipe(spatial_dims=2, spatial_size=(32, 32)),
        name=name,
        licence=f"licence of {name}",
        random_state=random_state,
    )  # fmt: skip
    with torch.inference_mode():
        features = encoder.network.features(images)
    encoder.network.whitening.fit(features, None, shrinkage=0.5)
    return encoder.with_card(
        training_data=(
            TrainingData(name=name, licence="x", n_scans=len(images)),
            TrainingData(name="start weights of both", licence="y", n_scans=9),
        ),
        conditions_seen=(name, "both"),
    )


def looks() -> tuple[torch.Tensor, torch.Tensor]:
    """Noise, and broad stripes: what an untrained network tells apart."""
    noise = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    stripes = torch.zeros(6, 1, 32, 32)
    for place in range(6):
        stripes[place, 0, :, place :: 8 + place] = 40.0
    return noise, stripes


def test_each_kind_of_scan_gets_its_own_whitening(tmp_path):
    noise, stripes = looks()
    a, b = domain("noise", noise), domain("stripes", stripes)
    joined = join_domains([a, b], name="both", notes="of two")
    own = joined.network.whitening.domains(
        joined.network.features(torch.cat([noise, stripes]))
    ).tolist()
    assert own == [0] * 6 + [1] * 6
    expected = [a.embed_tensors(noise), b.embed_tensors(stripes)]
    found = joined.embed_tensors(torch.cat([noise, stripes]))
    for part, want in zip((found[:6], found[6:]), expected, strict=True):
        assert abs(part - want).max() < 1e-4
    assert [data.name for data in joined.card.training_data] == [
        "noise",
        "start weights of both",
        "stripes",
    ]
    assert joined.card.conditions_seen == ("both", "noise", "stripes")
    assert joined.card.licence == "licence of noise; licence of stripes"
    save_encoder(joined, tmp_path / "joined")
    assert load_encoder(tmp_path / "joined").fingerprint == joined.fingerprint


def test_other_weights_cannot_be_joined():
    noise, _ = looks()
    with pytest.raises(EncoderMismatchError, match=r"differ in backbone\."):
        join_domains(
            [domain("a", noise), domain("b", noise, random_state=1)], name="no", notes="no"
        )
