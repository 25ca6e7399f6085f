from __future__ import annotations

import sys

import numpy as np
import onnxruntime
import pytest
import torch

from medsiam.encoders import Architecture, export_onnx, export_openvino, load_encoder, new_encoder
from medsiam.errors import EncoderError, MissingExtraError
from medsiam.preprocessing import Recipe
from tests.encoders.exporting import batch, whitened

# Of embeddings of length 1; the whitening of few samples enlarges what was rounded.
ROUNDING = 2e-4


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_graph_gives_what_torch_gives_for_every_batch(spatial_dims):
    encoder = whitened(spatial_dims)
    exported = export_openvino(encoder)
    scans = torch.cat([batch(encoder, 3), batch(encoder, 2, seed=2, grain=1)])
    domains = encoder.network.whitening.domains(
        encoder.network.eval().view_features(scans).mean(dim=0).detach()
    )
    assert len(set(domains.tolist())) > 1  # else nothing is said about other branches
    plain = encoder.embed_tensors(scans)
    assert (
        np.linalg.norm(plain[:, None] - plain[None], axis=-1)[~np.eye(5, dtype=bool)].min() > 0.05
    )
    fast = encoder.on("openvino", exported)
    assert fast.runtime == "openvino"
    together = fast.embed_tensors(scans)
    np.testing.assert_allclose(together, plain, rtol=0, atol=ROUNDING)
    alone = np.concatenate([fast.embed_tensors(scans[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)


def test_a_segmenting_backbone_has_a_graph_too():
    encoder = load_encoder("cardiac-cine", runtime="torch")
    scans = torch.rand(2, 1, *encoder.recipe.spatial_size, generator=torch.manual_seed(0))
    fast = encoder.on("openvino", export_openvino(encoder))
    plain = encoder.embed_tensors(scans)
    np.testing.assert_allclose(fast.embed_tensors(scans), plain, rtol=0, atol=1e-4)


def test_measures_without_a_network_have_none():
    with pytest.raises(EncoderError, match="measures shapes without a network"):
        export_openvino(load_encoder("shape-3d", runtime="torch"))


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_another_program_reads_the_onnx_model(spatial_dims):
    encoder = whitened(spatial_dims)
    session = onnxruntime.InferenceSession(export_onnx(encoder))
    for scan in torch.cat([batch(encoder, 2), batch(encoder, 2, seed=2, grain=1)]):
        (found,) = session.run(["embedding"], {"scan": scan[None].numpy()})
        np.testing.assert_allclose(found, encoder.embed_tensors(scan[None]), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", ["cardiac-cine", "shape-3d"])
def test_measures_are_no_onnx(name):
    with pytest.raises(EncoderError, match="measures what it found"):
        export_onnx(load_encoder(name, runtime="torch"))


def test_what_is_missing_is_named(monkeypatch):
    encoder = new_encoder(
        Architecture(spatial_dims=2, backbone="resnet10", embedding_dim=8, width=0.125),
        Recipe(spatial_dims=2, spatial_size=(32, 32)),
        name="test",
        licence="CC0-1.0",
    )
    monkeypatch.setattr("medsiam.encoders.export.openvino_version", lambda: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'medsiam\[openvino\]'"):
        export_openvino(encoder)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'medsiam\[onnx\]'"):
        export_onnx(encoder)


def test_exporting_leaves_the_network_as_it_was():
    encoder = whitened(2)
    encoder.network.train()
    before = {name: value.clone() for name, value in encoder.network.state_dict().items()}
    export_openvino(encoder)
    assert encoder.network.training
    after = encoder.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
