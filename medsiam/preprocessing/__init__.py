"""PREPARE: from a `Scan` to the tensor that an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.preprocessing.augmentation import Augmentation as Augmentation
    from medsiam.preprocessing.augmentation import augment as augment
    from medsiam.preprocessing.recipe import Recipe as Recipe
    from medsiam.preprocessing.transform import build_transform as build_transform
    from medsiam.preprocessing.transform import prepare as prepare

__all__ = ["Augmentation", "Recipe", "augment", "build_transform", "prepare"]

__getattr__ = lazy_names(
    __name__,
    {
        "Augmentation": ".augmentation",
        "Recipe": ".recipe",
        "augment": ".augmentation",
        "build_transform": ".transform",
        "prepare": ".transform",
    },
)
