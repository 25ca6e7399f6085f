"""PREPARE: from a `Scan` to the tensor that an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.preprocessing.augmentation import Augmentation as Augmentation
    from medsiam.preprocessing.augmentation import augment as augment
    from medsiam.preprocessing.neutral import BlurredOut as BlurredOut
    from medsiam.preprocessing.neutral import blur_out as blur_out
    from medsiam.preprocessing.neutral import bounds as bounds
    from medsiam.preprocessing.perceptual_hash import picture_hash as picture_hash
    from medsiam.preprocessing.recipe import Recipe as Recipe
    from medsiam.preprocessing.restore import field_of_view as field_of_view
    from medsiam.preprocessing.restore import to_scan_grid as to_scan_grid
    from medsiam.preprocessing.thinness import thin_axes as thin_axes
    from medsiam.preprocessing.transform import build_transform as build_transform
    from medsiam.preprocessing.transform import prepare as prepare
    from medsiam.preprocessing.transform import prepare_placed as prepare_placed

__all__ = [
    "Augmentation",
    "BlurredOut",
    "Recipe",
    "augment",
    "blur_out",
    "bounds",
    "build_transform",
    "field_of_view",
    "picture_hash",
    "prepare",
    "prepare_placed",
    "thin_axes",
    "to_scan_grid",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Augmentation": ".augmentation",
        "BlurredOut": ".neutral",
        "Recipe": ".recipe",
        "augment": ".augmentation",
        "blur_out": ".neutral",
        "bounds": ".neutral",
        "build_transform": ".transform",
        "field_of_view": ".restore",
        "picture_hash": ".perceptual_hash",
        "prepare": ".transform",
        "prepare_placed": ".transform",
        "thin_axes": ".thinness",
        "to_scan_grid": ".restore",
    },
)
