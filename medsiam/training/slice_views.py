"""Random looks at one slice of a volume with its neighbours, image and mask moved alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from medsiam.errors import UsageError
from medsiam.preprocessing import Augmentation

_LONELY = 0.05  # share of looks whose neighbouring slices are missing, as at the ends of a stack
_BLURRED = 0.2  # share of looks at half the resolution, as of a coarser scanner
_ANYWHERE = 0.25  # share of looks at whatever else the scan shows, so that it is left alone


@dataclass(frozen=True, eq=False)
class SliceStack:
    """The scanned part of a prepared volume, slices first, so that one of them is quickly read.

    Attributes:
        image: (z, x, y) float32 in 0 to 1.
        mask: (z, x, y) uint8 labels.
        middle: of the box around all structures, in voxels of the plane from the middle of the
            image.
    """

    image: torch.Tensor
    mask: torch.Tensor
    middle: tuple[float, float]


@dataclass(frozen=True, eq=False)
class SliceView:
    """One look.

    Attributes:
        image: (2 * reach + 1, size, size) float32, the slice in the middle.
        mask: (size, size) int64.
    """

    image: torch.Tensor
    mask: torch.Tensor


def slice_stack(volume: torch.Tensor, mask: torch.Tensor) -> SliceStack:
    """Cut away the zeros that preparing put around a scan.

    Args:
        volume: (1, x, y, z) float32.
        mask: (x, y, z) labels.
    """
    part = tuple(slice(*_span(volume[0] != 0, axis)) for axis in range(3))
    labels = mask[part]
    spans = [_span(labels > 0, axis) for axis in (0, 1)]
    middles = [(sum(span) - n) / 2 for span, n in zip(spans, labels.shape[:2], strict=True)]
    return SliceStack(
        volume[0][part].movedim(2, 0).contiguous(),
        labels.movedim(2, 0).to(torch.uint8).contiguous(),
        (middles[0], middles[1]),
    )


def _span(there: torch.Tensor, axis: int) -> tuple[int, int]:
    """First and one past the last index along an axis where anything is; all, if nothing is."""
    places = there.movedim(axis, 0).flatten(1).any(dim=1).nonzero()
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, there.shape[axis])


def draw_view(
    stack: SliceStack,
    *,
    augmentation: Augmentation,
    size: int,
    random_state: np.random.Generator,
    reach: int = 1,
) -> SliceView:
    """Draw a slice and look at it in a random way.

    The window of `size` voxels lies anywhere within `translation` of the structures' middle; a
    quarter of the looks lies anywhere in the scan. What lies outside of the scanned field is shown
    as zeros in half of the looks, and mirrored in the others, the mask too: a full field around
    the part that was cut out.

    Args:
        stack: scan and mask.
        augmentation: `rotation` about the slice axis, `flip` (axis 2: order of the slices),
            `zoom`, `translation` in voxels in the plane, `gamma`, `brightness`, `noise`.
        size: voxels along both sides of the window.
        random_state: decides everything.
        reach: neighbouring slices on either side.
    """
    middle = int(random_state.integers(len(stack.image)))
    image, labels = _neighbours(stack.image, middle, reach), stack.mask[middle]
    flips = _flips(augmentation)
    if 2 in flips and random_state.random() < 0.5:
        image = image.flip(0)
    if random_state.random() < _LONELY:
        image = image[reach : reach + 1].expand_as(image)
    grid = _grid(augmentation, flips, size, labels.shape, stack.middle, random_state)
    beyond = "zeros" if random_state.random() < 0.5 else "reflection"
    moved = functional.grid_sample(
        image[None], grid, mode="bilinear", padding_mode=beyond, align_corners=False
    )
    mask = functional.grid_sample(
        labels[None, None].float(), grid, mode="nearest", padding_mode=beyond, align_corners=False
    )
    return SliceView(_recolour(moved, augmentation, random_state)[0], mask[0, 0].long())


def _neighbours(image: torch.Tensor, middle: int, reach: int) -> torch.Tensor:
    """(2 * reach + 1, x, y): the slice and its neighbours, zeros beyond the ends."""
    empty = torch.zeros_like(image[0])
    places = range(middle - reach, middle + reach + 1)
    return torch.stack([image[z] if 0 <= z < len(image) else empty for z in places])


def _flips(augmentation: Augmentation) -> tuple[int, ...]:
    if isinstance(augmentation.flip, bool):
        return (0, 1, 2) if augmentation.flip else ()
    return augmentation.flip


def _turn(augmentation: Augmentation) -> float:
    """Largest rotation about the slice axis, in radians."""
    rotation = augmentation.rotation
    if isinstance(rotation, tuple):
        if len(rotation) != 3 or rotation[0] or rotation[1]:
            raise UsageError(
                f"augmentation.rotation = {list(rotation)}: slices turn in their plane only, so "
                "give [0, 0, degrees]"
            )
        return math.radians(rotation[2])
    return math.radians(rotation)


def _grid(
    augmentation: Augmentation,
    flips: tuple[int, ...],
    size: int,
    shape: torch.Size,
    middle: tuple[float, float],
    random_state: np.random.Generator,
) -> torch.Tensor:
    """(1, size, size, 2): where each voxel of the window lies in a picture of `shape`, -1 to 1."""
    turn = _turn(augmentation)
    angle = random_state.uniform(-turn, turn)
    low, high = np.log(augmentation.zoom)
    # One zoom for both axes, and a little of its own for each.
    zoom = random_state.uniform(low, high) + random_state.uniform(low, high, 2) / 4
    half = np.array(shape) / 2
    if random_state.random() < _ANYWHERE:
        place = random_state.uniform(-half, half)
    else:
        moved = random_state.uniform(-augmentation.translation, augmentation.translation, 2)
        place = np.array(middle) + moved
    sign = [-1.0 if axis in flips and random_state.random() < 0.5 else 1.0 for axis in (0, 1)]
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = rotation @ np.diag(np.exp(-zoom) * sign)  # voxels of the picture per voxel of the view
    # affine_grid has the last axis first, and both sides from -1 to 1.
    rows = np.concatenate([matrix * (size / 2), place[:, None]], axis=1) / half[:, None]
    theta = np.array([[rows[1, 1], rows[1, 0], rows[1, 2]], [rows[0, 1], rows[0, 0], rows[0, 2]]])
    return functional.affine_grid(
        torch.from_numpy(theta[None]).float(), [1, 1, size, size], align_corners=False
    )


def _recolour(
    image: torch.Tensor, augmentation: Augmentation, random_state: np.random.Generator
) -> torch.Tensor:
    """Contrast, brightness, sharpness and noise of another scanner."""
    gamma = math.exp(random_state.uniform(*np.log(augmentation.gamma)))
    image = image.clamp(min=0) ** gamma
    if augmentation.noise > 0 and random_state.random() < _BLURRED:
        coarse = functional.avg_pool2d(image, 2)
        image = functional.interpolate(coarse, image.shape[2:], mode="bilinear")
    empty = image == 0
    brightness, gain = random_state.uniform(-augmentation.brightness, augmentation.brightness, 2)
    image = image * (1 + gain) + brightness
    if augmentation.noise > 0:
        deviation = random_state.uniform(0, augmentation.noise)
        noise = random_state.standard_normal(image.shape, dtype=np.float32)
        image = image + deviation * torch.from_numpy(noise)
    return image.masked_fill(empty, 0.0)  # beyond the field there is nothing, as after preparing
