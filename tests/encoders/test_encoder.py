from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from medsiam.encoders import Architecture, Encoder, TrainingData, new_encoder
from medsiam.errors import EncoderError, EncoderMismatchError, ScanError, UsageError
from medsiam.preprocessing import Recipe, prepare
from medsiam.scans.scan import Scan

RNG = np.random.default_rng(11)


def make(spatial_dims: int = 2, *, random_state: int = 0, **architecture) -> Encoder:
    fields = {"spatial_dims": spatial_dims, "backbone": "resnet10", "embedding_dim": 8}
    if "backbone" not in architecture:
        fields["width"] = 0.125
    return new_encoder(
        Architecture(**fields | architecture),
        Recipe(spatial_dims=spatial_dims, spatial_size=(32, 32, 16)[:spatial_dims]),
        name="test",
        licence="CC0-1.0",
        random_state=random_state,
    )


def scan(*shape: int) -> Scan:
    return Scan(RNG.normal(size=shape).astype(np.float32), spatial_dims=len(shape))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return make()


@pytest.fixture(scope="module")
def scans() -> list[Scan]:
    return [scan(20 + n, 30 - n) for n in range(7)]


@pytest.mark.parametrize(
    "architecture",
    [{}, {"normalize": False}, {"backbone": "vit"}, {"backbone": "efficientnet-b0"}],
)
def test_embeddings_do_not_depend_on_batch_order_or_neighbours(scans, architecture):
    encoder = make(**architecture)
    for module in encoder.network.modules():  # statistics for the norms: a fresh deep net fades
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        encoder.network.train()(torch.stack([prepare(s, encoder.recipe) for s in scans]))
    together = encoder.embed(scans, batch_size=16)
    assert together.shape == (7, 8)
    assert together.dtype == np.float32
    # Other batch sizes take other kernels, and a deep net of batch norms enlarges their rounding to
    # 1e-5 of an embedding's length; scans that got mixed up would differ by a hundred times that.
    rounding = 1e-4 * np.linalg.norm(together, axis=1).max()
    differences = np.linalg.norm(together[:, None] - together[None], axis=-1)
    assert differences[~np.eye(7, dtype=bool)].min() > 100 * rounding
    for batch_size in (1, 3):
        again = encoder.embed(scans, batch_size=batch_size)
        np.testing.assert_allclose(again, together, rtol=0, atol=rounding)
    order = [4, 0, 6, 2]
    shuffled = encoder.embed([scans[i] for i in order], batch_size=3)
    np.testing.assert_allclose(shuffled, together[order], rtol=0, atol=rounding)


def test_volumes_too():
    encoder = make(3)
    volumes = [scan(20, 18, 9) for _ in range(3)]
    together = encoder.embed(iter(volumes), batch_size=2)
    for one, embedding in zip(volumes, together, strict=True):
        np.testing.assert_allclose(encoder.embed([one])[0], embedding, atol=1e-5)


def test_embed_is_the_network_on_prepared_scans(encoder, scans):
    batch = torch.stack([prepare(s, encoder.recipe) for s in scans])
    with torch.no_grad():
        expected = encoder.network(batch).numpy()
    np.testing.assert_allclose(encoder.embed(scans), expected, atol=1e-5)
    np.testing.assert_allclose(encoder.embed_tensors(batch), expected, atol=1e-5)


def test_nothing_to_embed(encoder):
    for empty in (encoder.embed([]), encoder.embed_tensors(torch.empty(0, 1, 32, 32))):
        assert empty.shape == (0, 8)
        assert empty.dtype == np.float32


def test_training_flags_are_put_back_module_by_module(scans):
    encoder = make()
    encoder.network.train()
    encoder.network.backbone.network.bn1.eval()  # frozen by its owner
    before = {name: module.training for name, module in encoder.network.named_modules()}
    statistics = encoder.network.backbone.network.layer1[0].bn1.running_mean.clone()
    embedded = encoder.embed(scans)
    assert {n: m.training for n, m in encoder.network.named_modules()} == before
    assert torch.equal(encoder.network.backbone.network.layer1[0].bn1.running_mean, statistics)
    np.testing.assert_array_equal(embedded, make().embed(scans))


def test_training_flags_are_put_back_after_an_error():
    encoder = make()
    encoder.network.train().projection = torch.nn.Linear(3, 3)
    with pytest.raises(RuntimeError):
        encoder.embed_tensors(torch.rand(1, 1, 32, 32))
    assert all(module.training for module in encoder.network.modules())


def test_feature_maps(encoder, scans):
    maps = encoder.feature_maps(scans[0])
    with torch.no_grad():
        expected = encoder.network.feature_maps(prepare(scans[0], encoder.recipe)[None])[0]
    assert maps.shape == (64, 1, 1)
    np.testing.assert_allclose(maps, expected.numpy(), atol=1e-5)


def test_seed_decides_the_weights_and_nothing_else_does():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = make(random_state=5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(10)
    assert make(random_state=5).fingerprint == first.fingerprint
    assert make(random_state=6).fingerprint != first.fingerprint


def test_the_card_says_what_was_asked_for(encoder):
    card = encoder.card
    assert (card.name, card.licence, card.training_data) == ("test", "CC0-1.0", ())
    assert card.created.endswith("+00:00")
    assert (encoder.embedding_dim, encoder.recipe) == (8, card.recipe)
    assert encoder.fingerprint == card.fingerprint
    assert repr(encoder) == f"Encoder('test', fingerprint {card.fingerprint[:12]})"


def test_a_new_card_after_training_has_a_new_fingerprint():
    encoder = make()
    with torch.no_grad():
        encoder.network.projection.bias += 1
    data = TrainingData(name="d", licence="CC0-1.0", n_scans=3)
    trained = encoder.with_card(name="trained", training_data=(data,))
    assert trained.card.name == "trained"
    assert trained.card.training_data == (data,)
    assert trained.card.recipe == encoder.card.recipe
    assert trained.fingerprint != encoder.fingerprint
    assert trained.with_card().fingerprint == trained.fingerprint
    with pytest.raises(ValidationError, match="nane"):
        trained.with_card(nane="x")


def test_a_vit_takes_the_recipes_size():
    assert make(backbone="vit").card.architecture.image_size == (32, 32)


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ({"spatial_dims": 3}, "spatial_dims = 3, the recipe 2"),
        ({"in_channels": 3}, "in_channels = 3, the recipe 1"),
        ({"backbone": "vit", "image_size": (40, 40)}, "image_size"),
    ],
)
def test_an_architecture_that_does_not_fit_its_recipe(architecture, words):
    fields = {"spatial_dims": 2, "backbone": "resnet10"} | architecture
    with pytest.raises(UsageError, match=words):
        new_encoder(
            Architecture(**fields),
            Recipe(spatial_dims=2, spatial_size=(32, 32)),
            name="x",
            licence="x",
        )


def test_what_is_refused(encoder, scans):
    with pytest.raises(UsageError, match="batch_size"):
        encoder.embed(scans, batch_size=0)
    with pytest.raises(EncoderMismatchError, match="is 3D, the encoder takes 2D"):
        encoder.embed([scans[0], scan(8, 8, 8)])
    with pytest.raises(EncoderMismatchError, match=r"\(n, 1, 32, 32\), got \(2, 1, 16, 16\)"):
        encoder.embed_tensors(torch.rand(2, 1, 16, 16))
    broken = Scan(np.full((9, 9), np.nan, np.float32), spatial_dims=2)
    with pytest.raises(ScanError, match="NaN"):
        encoder.embed([broken])


def test_weights_that_give_nan_are_named():
    encoder = make()
    with torch.no_grad():
        encoder.network.projection.weight[0, 0] = torch.nan
    with pytest.raises(EncoderError, match="weights are no use"):
        encoder.embed([scan(20, 20)])
