"""PREPARE: from a `Scan` to the tensor that an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.preprocessing.augmentation import Augmentation as Augmentation
    from medsiam.preprocessing.augmentation import build_augmentation as build_augmentation
    from medsiam.preprocessing.recipe import Recipe as Recipe
    from medsiam.preprocessing.transform import build_transform as build_transform
    from medsiam.preprocessing.transform import prepare as prepare

__all__ = ["Augmentation", "Recipe", "build_augmentation", "build_transform", "prepare"]

__getattr__ = lazy_names(
    __name__,
    {
        "Augmentation": ".augmentation",
        "Recipe": ".recipe",
        "build_augmentation": ".augmentation",
        "build_transform": ".transform",
        "prepare": ".transform",
    },
)
