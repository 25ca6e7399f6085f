"""Random looks: image and mask move alike, decided by the generator, background around."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.errors import UsageError
from medsiam.preprocessing import Augmentation
from medsiam.training.slice_views import draw_view, slice_stack

WILD = Augmentation(
    rotation=(0.0, 0.0, 180.0),
    flip=True,
    zoom=(0.7, 1.4),
    translation=6.0,
    gamma=(0.5, 2.0),
    brightness=0.1,
    noise=0.05,
)
MOVING = WILD.model_copy(update={"gamma": (1.0, 1.0), "brightness": 0.0, "noise": 0.0})


def scan() -> tuple[torch.Tensor, torch.Tensor]:
    """A volume of 32 x 32 x 7 with padding around, whose values tell label and slice."""
    volume, mask = torch.zeros(1, 32, 32, 7), torch.zeros(32, 32, 7, dtype=torch.uint8)
    volume[0, 3:29, 5:27, 1:6] = 0.1
    mask[10:20, 9:21, 1:6] = 1
    mask[14:18, 13:17, 1:6] = 2
    volume[0][mask == 1] = 0.4
    volume[0][mask == 2] = 0.9
    return volume, mask


def looks(augmentation: Augmentation, n: int = 40, size: int = 24):
    stack = slice_stack(*scan())
    return [
        draw_view(
            stack, augmentation=augmentation, size=size, random_state=np.random.default_rng(seed)
        )
        for seed in range(n)
    ]


def test_padding_is_cut_away_and_the_structures_middle_kept():
    volume, mask = scan()
    stack = slice_stack(volume, mask)
    assert stack.image.shape == stack.mask.shape == (5, 26, 22)
    torch.testing.assert_close(stack.image[2], volume[0, 3:29, 5:27, 3])
    assert stack.middle == (15 - 16, 15 - 16)  # both from the middle of the part, (16, 16)


def test_a_volume_without_structures_or_all_zero_is_looked_at_in_its_middle():
    volume, mask = scan()
    for empty in (volume, torch.zeros_like(volume)):
        stack = slice_stack(empty, torch.zeros_like(mask))
        assert stack.middle == (0, 0)
        view = draw_view(stack, augmentation=WILD, size=16, random_state=np.random.default_rng(0))
        assert int(view.mask.max()) == 0


def test_image_and_mask_move_alike():
    for view in looks(MOVING):
        middle = view.image[1]
        inner = torch.nn.functional.max_pool2d(-middle[None, None], 3, 1, 1)[0, 0] * -1
        # Where all neighbours are bright the voxel is well inside of structure 2.
        assert (view.mask[inner > 0.85] == 2).all()
        assert (view.mask[middle < 0.05] == 0).all()
    shown = [int((view.mask == 2).sum()) for view in looks(MOVING)]
    assert min(shown) < 12 < 25 < max(shown)  # zoomed both ways


def test_without_augmentation_most_looks_are_the_middle_as_it_is():
    volume, mask = scan()
    plain = looks(Augmentation(), size=16)
    expected = mask[7:23, 7:23, 3].long()
    alike = [view for view in plain if torch.equal(view.mask, expected)]
    assert 0.5 < len(alike) / len(plain) < 0.95  # the rest lies anywhere
    torch.testing.assert_close(alike[0].image[1], volume[0, 7:23, 7:23, 3])


def test_the_generator_decides_everything():
    for a, b in zip(looks(WILD, 5), looks(WILD, 5), strict=True):
        assert torch.equal(a.image, b.image)
        assert torch.equal(a.mask, b.mask)
    assert not torch.equal(looks(WILD, 2)[0].image, looks(WILD, 2)[1].image)


def test_outside_of_the_scan_there_are_zeros_or_its_mirror_image():
    far = Augmentation(translation=30.0)
    views = looks(far)
    filled = [float((view.image[1] > 0).float().mean()) for view in views]
    assert min(filled) < 0.5
    assert sum(share == 1 for share in filled) > 10  # mirrored
    assert all(int(view.mask[view.image[1] == 0].sum()) == 0 for view in views)


def test_the_ends_of_the_stack_have_no_neighbour():
    ends = [view.image for view in looks(Augmentation()) if not float(view.image[0].abs().max())]
    assert ends


def test_slices_turn_in_their_plane_only():
    tilted = Augmentation(rotation=(10.0, 0.0, 90.0))
    with pytest.raises(UsageError, match=r"give \[0, 0, degrees\]"):
        looks(tilted, 1)
