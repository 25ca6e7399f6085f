from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from medsiam.encoders import Architecture, TwinEncoder
from medsiam.errors import UsageError


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


def test_standardized_embeddings_have_mean_0_and_variance_1_over_what_was_seen_in_training():
    network = twin(standardize=True, normalize=False)
    images = torch.rand(64, 1, 32, 32)
    network.train()
    with torch.no_grad():
        for _ in range(80):  # running figures close in on those of the batch
            seen = network(images)
        network.backbone.eval()
        plain = network.projection(network.backbone(images))
    network.eval()
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.std(dim=0), torch.ones(16), atol=0.05, rtol=0)
    figures = network.neck
    expected = (plain - figures.running_mean) / (figures.running_var + figures.eps).sqrt()
    torch.testing.assert_close(network(images), expected, atol=1e-4, rtol=1e-4)
    one_by_one = torch.cat([network(image[None]) for image in images[:3]])
    torch.testing.assert_close(one_by_one, network(images)[:3], atol=1e-5, rtol=1e-4)


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
        standardize=True, normalize=False, whitened_domains=2, stages=(2, 3), pooling="centre",
    )  # fmt: skip
    network = TwinEncoder.from_architecture(architecture)
    assert network.backbone.feature_dim == 16 + 32
    assert network.backbone.network.conv1.weight.shape[1:] == (3, 7, 7, 7)
    assert len(network.backbone.network.layer1) == 2
    assert (network.embedding_dim, network.normalize) == (7, False)
    assert network.neck.num_features == 7
    assert (network.whitening.n_domains, network.whitening.dim) == (2, 7)


def test_outside_of_training_the_views_are_averaged():
    network = twin(views="turns", normalize=False)
    images = torch.rand(3, 1, 32, 32)
    looks = torch.stack([network.features(images.rot90(k, (2, 3))) for k in range(4)])
    torch.testing.assert_close(network.view_features(images), looks)
    torch.testing.assert_close(network(images), looks.mean(dim=0))
    turned = network(images.rot90(1, (2, 3)))
    torch.testing.assert_close(turned, network(images), atol=1e-6, rtol=1e-5)
    network.train()
    network.backbone.eval()
    torch.testing.assert_close(network(images), looks[0])


def test_whitening_comes_before_unit_length():
    network = twin(whitened_domains=1)
    images = torch.rand(8, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(network(images), normalize(network.features(images), dim=1))
        network.whitening.fit(network.features(images), list("aabbccdd"), shrinkage=0.5)
        expected = normalize(network.whitening(network.features(images)), dim=1)
        torch.testing.assert_close(network(images), expected)


def test_without_projection_the_embedding_is_the_features():
    network = twin(project=False, embedding_dim=64, normalize=False)
    images = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(network(images), network.backbone(images))
    with pytest.raises(UsageError, match="embedding_dim = 16"):
        twin(project=False)


def test_feature_maps_are_the_backbones():
    network = twin()
    images = torch.rand(1, 1, 64, 32)
    assert network.feature_maps(images).shape == (1, 64, 2, 1)
