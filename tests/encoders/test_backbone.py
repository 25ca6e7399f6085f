from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from medsiam.encoders import Architecture
from medsiam.encoders.backbones import build_backbone
from medsiam.errors import UsageError


def small(name: str = "resnet10", **fields):
    width = {"width": 0.125} if name.startswith("resnet") else {}
    return build_backbone(Architecture(spatial_dims=2, backbone=name, **width | fields))


def test_several_stages_are_pooled_brought_to_unit_length_and_joined():
    backbone = small(stages=(2, 4)).eval()
    images = torch.rand(3, 1, 32, 32)
    with torch.inference_mode():
        x, maps = images, []
        for stage in backbone.stages:
            maps.append(x := stage(x))
        expected = torch.cat(
            [normalize(maps[tap].mean(dim=(2, 3)), dim=1) for tap in (2, 4)], dim=1
        )
        torch.testing.assert_close(backbone(images), expected)
        torch.testing.assert_close(backbone.feature_maps(images), maps[4])
    assert backbone.feature_dim == expected.shape[1]


@pytest.mark.parametrize(
    "name", ["resnet10", "resnet50", "densenet121", "efficientnet-b0", "efficientnet-lite0"]
)
def test_stages_hold_every_weight_once_and_have_the_channels_they_say(name):
    backbone = small(name)
    for place in range(len(backbone.stages)):
        x = torch.rand(1, 1, 32, 32)
        assert (
            small(name, stages=(place,)).eval()(x).shape[1]
            == small(name, stages=(place,)).feature_dim
        )
    in_stages = [id(p) for stage in backbone.stages for p in stage.parameters()]
    assert sorted(in_stages) == sorted(id(p) for p in backbone.parameters())


def test_frozen_stages_do_not_change():
    backbone = small()
    backbone.freeze(3, statistics=False)
    backbone.train()
    before = copy.deepcopy(backbone.state_dict())
    optimiser = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.1)
    backbone(torch.rand(4, 1, 32, 32)).square().sum().backward()
    optimiser.step()
    frozen = {id(t) for s in backbone.stages[:3] for t in (*s.parameters(), *s.buffers())}
    for name, value in backbone.state_dict(keep_vars=True).items():
        assert torch.equal(value, before[name]) == (id(value) in frozen), name


def test_frozen_statistics_are_those_of_the_start_everywhere():
    backbone = small()
    backbone.freeze(0, statistics=True)
    backbone.train()
    assert not any(m.training for m in backbone.modules() if isinstance(m, nn.BatchNorm2d))
    assert all(p.requires_grad for p in backbone.parameters())
    before = copy.deepcopy(dict(backbone.named_buffers()))
    backbone(torch.rand(4, 1, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())


def test_a_copy_stands_alone():
    backbone = small()
    other = copy.deepcopy(backbone).eval()
    with torch.no_grad():
        for weight in backbone.parameters():
            weight.zero_()
    assert other(torch.rand(1, 1, 32, 32)).abs().sum() > 0
    assert {id(p) for s in other.stages for p in s.parameters()} == set(map(id, other.parameters()))


@pytest.mark.parametrize("stages", [(9,), (1, 1), (-1,), ()])
def test_stages_that_are_none(stages):
    with pytest.raises(UsageError, match="has stages 0 to 4"):
        small(stages=stages)


def test_more_frozen_than_there_are():
    with pytest.raises(UsageError, match="has 5 stages"):
        small().freeze(6, statistics=True)
