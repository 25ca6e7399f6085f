"""Looks at one scan whose features are averaged: what turns a cell must not turn its embedding.

All act on the spatial axes of (n, channels, x, y[, z]): "flip" and "turns" on the first two, "axes"
shows a volume to a network that goes through slices along its third, its first and its second
axis.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

View = Callable[[torch.Tensor], torch.Tensor]


def _plain(x: torch.Tensor) -> torch.Tensor:
    return x


def _flipped(x: torch.Tensor) -> torch.Tensor:
    return x.flip(2)


def _turned(x: torch.Tensor, quarters: int) -> torch.Tensor:
    return x.rot90(quarters, (2, 3))


def _along_x(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(2, -1)


def _along_y(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(3, -1)


def _back_to_x(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(-1, 2)


def _back_to_y(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(-1, 3)


VIEWS: dict[str, tuple[View, ...]] = {
    "one": (_plain,),
    "flip": (_plain, _flipped),
    "axes": (_plain, _along_x, _along_y),
    "turns": tuple(partial(_turned, quarters=quarters) for quarters in range(4)),
}

# The ways back, for maps made from a view.
VIEWS_BACK: dict[str, tuple[View, ...]] = {
    "one": (_plain,),
    "flip": (_plain, _flipped),
    "axes": (_plain, _back_to_x, _back_to_y),
    "turns": tuple(partial(_turned, quarters=-quarters) for quarters in range(4)),
}
