from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from medsiam.preprocessing.blur import blurred


@pytest.mark.parametrize("shape", [(2, 3, 30, 40), (1, 1, 20, 16, 24)])
def test_as_scipy_does_away_from_the_rim(shape):
    images = torch.zeros(shape)
    middle = tuple(n // 2 for n in shape[2:])
    images[(slice(None), slice(None), *middle)] = 1
    sigmas = [0.05 * n for n in shape[2:]]
    expected = gaussian_filter(images.numpy(), [0, 0, *sigmas], mode="nearest", truncate=8)
    torch.testing.assert_close(blurred(images, 0.05), torch.from_numpy(expected))
    torch.testing.assert_close(blurred(images, 1.0, sizes=sigmas), torch.from_numpy(expected))


def test_at_the_rim_an_even_image_stays_even_or_the_sum_stays():
    even = torch.full((1, 1, 12, 9), 3.0)
    torch.testing.assert_close(blurred(even, 0.2), even)
    values = torch.rand(1, 2, 12, 9)
    torch.testing.assert_close(
        blurred(values, 0.2, spread=True).sum(dim=(2, 3)), values.sum(dim=(2, 3))
    )
