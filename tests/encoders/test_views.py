from __future__ import annotations

import pytest
import torch

from medsiam.encoders.views import VIEWS, VIEWS_BACK


@pytest.mark.parametrize("size", [(6, 6), (6, 6, 3)])
def test_views_are_looks_at_the_same_values(size):
    image = torch.rand(2, 1, *size)
    for name, views in VIEWS.items():
        if name == "axes":
            continue
        looks = [view(image) for view in views]
        torch.testing.assert_close(looks[0], image)
        for look in looks:
            assert look.shape == image.shape
            torch.testing.assert_close(look.flatten().sort()[0], image.flatten().sort()[0])
        for place, look in enumerate(looks):
            assert not any(torch.equal(look, other) for other in looks[:place]), name


def test_turning_four_times_is_the_scan_again():
    image = torch.rand(1, 1, 4, 4)
    quarter = VIEWS["turns"][1]
    assert torch.equal(quarter(quarter(quarter(quarter(image)))), image)
    assert torch.equal(quarter(image)[0, 0], torch.rot90(image[0, 0]))
    assert torch.equal(VIEWS["flip"][1](image)[0, 0], image[0, 0].flipud())  # along x, left-right


def test_axes_put_each_axis_last_once():
    volume = torch.rand(2, 1, 4, 5, 6)
    plain, along_x, along_y = (view(volume) for view in VIEWS["axes"])
    assert torch.equal(plain, volume)
    assert torch.equal(along_x[..., 2], volume[:, :, 2])
    assert torch.equal(along_y[..., 3], volume[:, :, :, 3])


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_has_its_way_back(name):
    x = torch.rand(2, 3, 4, 5, 6) if name == "axes" else torch.rand(2, 3, 4, 5)
    for view, back in zip(VIEWS[name], VIEWS_BACK[name], strict=True):
        torch.testing.assert_close(back(view(x)), x)
