from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from medsiam.encoders import Architecture, TwinEncoder, new_encoder, save_encoder
from medsiam.encoders.start import load_start
from medsiam.errors import EncoderError
from medsiam.preprocessing import Recipe


def twin(**fields) -> TwinEncoder:
    return TwinEncoder(**{"spatial_dims": 3, "backbone": "resnet10", "width": 0.125} | fields)


def test_medicalnet_names_and_a_bias_they_leave_out(tmp_path):
    theirs = twin()
    tensors = {
        f"module.{name.removeprefix('network.')}": value
        for name, value in theirs.backbone.state_dict().items()
        if not name.endswith(("downsample.0.bias", "num_batches_tracked"))
    }
    save_file(tensors | {"module.conv_seg.weight": torch.ones(2)}, tmp_path / "net.safetensors")
    ours = twin()
    load_start(ours, str(tmp_path / "net.safetensors"))
    for name, value in ours.backbone.state_dict().items():
        if name.endswith("downsample.0.bias"):
            assert not value.any()
        else:
            assert torch.equal(value, theirs.backbone.state_dict()[name]), name


def test_colour_weights_act_on_grey_as_on_repeated_grey(tmp_path):
    colour = twin(spatial_dims=2, in_channels=3).eval()
    save_file(colour.backbone.network.state_dict(), tmp_path / "net.safetensors")
    grey = twin(spatial_dims=2).eval()
    load_start(grey, str(tmp_path / "net.safetensors"))
    images = torch.rand(2, 1, 32, 32)
    with torch.inference_mode():
        expected = colour.backbone(images.repeat(1, 3, 1, 1))
        torch.testing.assert_close(grey.backbone(images), expected, atol=1e-5, rtol=1e-4)


def test_an_encoder_folder_gives_its_backbone(tmp_path):
    encoder = new_encoder(
        Architecture(spatial_dims=3, backbone="resnet10", width=0.125, embedding_dim=8),
        Recipe(spatial_dims=3, spatial_size=(16, 16, 16)),
        name="start",
        licence="test only",
    )
    save_encoder(encoder, tmp_path / "start")
    network = twin(embedding_dim=4)
    load_start(network, str(tmp_path / "start"))
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, encoder.network.backbone.state_dict()[name])


def test_imagenet_weights_tell_textures_apart_without_training():
    network = TwinEncoder(
        spatial_dims=2, backbone="efficientnet-lite0", project=False, embedding_dim=320
    )
    before = network.backbone.network.stem.convolution.weight.clone()
    load_start(network, "imagenet")
    assert not torch.equal(before, network.backbone.network.stem.convolution.weight)
    with torch.inference_mode():
        stripes = torch.zeros(4, 1, 64, 64)
        stripes[:2, :, ::8] = stripes[2:, :, :, ::8] = 1
        stripes[1] = stripes[1].roll(4, 1)
        stripes[3] = stripes[3].roll(4, 2)
        embeddings = network.eval()(stripes)
    closeness = embeddings @ embeddings.T
    assert closeness[0, 1] > closeness[0, 2]
    assert closeness[2, 3] > closeness[1, 3]


@pytest.mark.parametrize(
    ("fields", "weights", "message"),
    [
        ({}, "imagenet", "efficientnet-lite0"),
        ({}, "nowhere", "there is no such folder"),
        ({}, "nowhere.safetensors", "there is no such file"),
        ({}, "text.safetensors", "no safetensors file"),
        ({"width": 0.25}, "net.safetensors", "other shapes.*encoder.width"),
        ({"backbone": "resnet18"}, "net.safetensors", "are not among them.*layer1.1"),
        ({"backbone": "resnet10"}, "deep.safetensors", "does not have.*layer1.1"),
    ],
)
def test_what_cannot_be_a_start(tmp_path, monkeypatch, fields, weights, message):
    monkeypatch.chdir(tmp_path)
    save_file(twin().backbone.network.state_dict(), "net.safetensors")
    save_file(twin(backbone="resnet18").backbone.network.state_dict(), "deep.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors at all")
    with pytest.raises(EncoderError, match=message):
        load_start(twin(**fields), weights)
