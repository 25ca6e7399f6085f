from __future__ import annotations

import math

import pytest
import torch

from medsiam.encoders.pooling import centre_pool, mean_pool


@pytest.mark.parametrize("size", [(5, 4), (3, 4, 6), (1, 1)])
def test_pooling_is_a_weighted_mean(size):
    maps = torch.rand(2, 3, *size)
    torch.testing.assert_close(mean_pool(maps), maps.flatten(2).mean(dim=2))
    expected = torch.zeros(2, 3)
    total = 0.0
    for place in torch.cartesian_prod(*[torch.arange(n) for n in size]).reshape(-1, len(size)):
        away = [(int(i) + 0.5 - n / 2) / (n / 2) for i, n in zip(place, size, strict=True)]
        weight = math.exp(-0.5 * sum((a / 0.5) ** 2 for a in away))
        expected += weight * maps[(slice(None), slice(None), *place.tolist())]
        total += weight
    torch.testing.assert_close(centre_pool(maps), expected / total)


def test_the_middle_outweighs_the_corners():
    maps = torch.zeros(2, 1, 9, 9)
    maps[0, 0, 4, 4] = maps[1, 0, 0, 0] = 1
    middle, corner = centre_pool(maps).flatten().tolist()
    assert middle > 10 * corner
    torch.testing.assert_close(centre_pool(torch.ones(1, 1, 9, 9)), torch.ones(1, 1))
