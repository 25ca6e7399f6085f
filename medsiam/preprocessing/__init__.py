"""PREPARE: from a `Scan` to the tensor that an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.preprocessing.augmentation import Augmentation as Augmentation
    from medsiam.preprocessing.augmentation import build_augmentation as build_augmentation
    from medsiam.preprocessing.prepare import build_transform as build_transform
    from medsiam.preprocessing.prepare import prepare as prepare
    from medsiam.preprocessing.recipe import Recipe as Recipe

__all__ = ["Augmentation", "Recipe", "build_augmentation", "build_transform", "prepare"]

__getattr__ = lazy_names(
    __name__,
    {
        "Augmentation": ".augmentation",
        "Recipe": ".recipe",
        "build_augmentation": ".augmentation",
        "build_transform": ".prepare",
        "prepare": ".prepare",
    },
)
