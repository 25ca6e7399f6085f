"""Start weights, what stays frozen, and the mean with the trained weights."""

from __future__ import annotations

import pytest
import torch

from medsiam.encoders import TwinEncoder
from medsiam.errors import EncoderError, UsageError
from medsiam.training.settings import StartSettings
from medsiam.training.starting import begin, check_size, mix


def network(**parts):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TwinEncoder(
            spatial_dims=2, **{"backbone": "resnet10", "width": 0.25, "embedding_dim": 8, **parts}
        )


def test_from_scratch_everything_may_change_and_nothing_is_kept():
    net = network()
    assert begin(net, StartSettings()) == {}
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_frozen_stages_do_not_learn():
    net = network()
    begin(net, StartSettings(frozen_stages=2))
    n_frozen = sum(not parameter.requires_grad for parameter in net.parameters())
    assert n_frozen == sum(len([*stage.parameters()]) for stage in net.backbone.stages[:2]) > 0
    with pytest.raises(UsageError, match="frozen_stages = 99"):
        begin(network(), StartSettings(frozen_stages=99))
    with pytest.raises(EncoderError):
        begin(network(), StartSettings(weights="nowhere.safetensors"))


def test_the_mean_is_of_the_backbone_alone():
    net = network()
    start = begin(net, StartSettings(share=0.25))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 1
    trained = {name: value.clone() for name, value in net.state_dict().items()}
    mix(net, start, 0.25)
    for name, value in net.state_dict().items():
        if name.startswith("backbone.") and value.is_floating_point():
            expected = 0.25 * before[name] + 0.75 * trained[name]
            torch.testing.assert_close(value, expected)
        else:
            assert torch.equal(value, trained[name]), name


@pytest.mark.parametrize("size", [(32, 32), (24, 1)])
def test_a_thin_scan_is_no_obstacle(size):
    net = network().train()
    check_size(net, 1, size)
    assert net.training


def test_a_size_that_the_network_refuses_is_named(monkeypatch):
    def forward(x):
        raise RuntimeError("Kernel size can't be greater than actual input size")

    net = network()
    monkeypatch.setattr(net, "forward", forward)
    with pytest.raises(UsageError, match=r"32 x 1 is thinner than the network allows"):
        check_size(net, 1, (32, 1))
