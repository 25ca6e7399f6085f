from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from medsiam.encoders import Architecture, TwinEncoder


def twin(**fields) -> TwinEncoder:
    return TwinEncoder(
        **{"spatial_dims": 2, "backbone": "resnet10", "width": 0.125, "embedding_dim": 16} | fields
    ).eval()


@pytest.mark.parametrize("size", [(32, 32), (16, 16, 8)])
def test_embeddings_have_their_length_and_unit_norm(size):
    embeddings = twin(spatial_dims=len(size))(torch.rand(3, 1, *size))
    assert embeddings.shape == (3, 16)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))


def test_without_normalize_the_projection_is_given_as_it_is():
    network = twin(normalize=False)
    images = torch.rand(3, 1, 32, 32)
    features = network.backbone(images)
    expected = features @ network.projection.weight.T + network.projection.bias
    torch.testing.assert_close(network(images), expected)
    network.normalize = True
    torch.testing.assert_close(network(images), normalize(expected, dim=1))


def test_both_branches_share_their_weights():
    network = twin()
    a, b = torch.rand(3, 1, 32, 32), torch.rand(2, 1, 32, 32)
    left, right = network.forward_pair(a, b)
    torch.testing.assert_close(left, network(a), atol=1e-6, rtol=0)
    torch.testing.assert_close(right, network(b), atol=1e-6, rtol=0)
    same, again = network.forward_pair(a, a)
    torch.testing.assert_close(same, again, atol=1e-6, rtol=0)
    storages = [weight.data_ptr() for weight in network.parameters()]
    assert len(set(storages)) == len(storages)


def test_from_architecture_takes_every_field():
    architecture = Architecture(
        spatial_dims=3, backbone="resnet18", in_channels=3, embedding_dim=7, width=0.125,
        normalize=False,
    )  # fmt: skip
    network = TwinEncoder.from_architecture(architecture)
    assert network.backbone.feature_dim == 64
    assert network.backbone.network.conv1.weight.shape[1:] == (3, 7, 7, 7)
    assert len(network.backbone.network.layer1) == 2
    assert (network.embedding_dim, network.normalize) == (7, False)


def test_feature_maps_are_the_backbones():
    network = twin()
    images = torch.rand(1, 1, 64, 32)
    assert network.feature_maps(images).shape == (1, 64, 2, 1)
