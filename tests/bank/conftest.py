"""A real but tiny encoder, and a bank that it fills."""

from __future__ import annotations

import pytest

from medsiam.bank import ReferenceBank
from medsiam.encoders import Architecture, Encoder, new_encoder
from medsiam.preprocessing import Recipe


def tiny_encoder(*, spatial_dims: int = 2, random_state: int = 0, name: str = "tiny") -> Encoder:
    architecture = Architecture(
        spatial_dims=spatial_dims, backbone="resnet10", embedding_dim=8, width=0.25
    )
    recipe = Recipe(spatial_dims=spatial_dims, spatial_size=(32,) * spatial_dims)
    return new_encoder(
        architecture, recipe, name=name, licence="CC0-1.0", random_state=random_state
    )


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return tiny_encoder()


@pytest.fixture(scope="session")
def encoder_3d() -> Encoder:
    return tiny_encoder(spatial_dims=3)


@pytest.fixture(scope="session")
def other_encoder() -> Encoder:
    return tiny_encoder(random_state=1, name="other")


@pytest.fixture
def bank(tmp_path, encoder) -> ReferenceBank:
    return ReferenceBank.create(tmp_path / "bank", encoder)
