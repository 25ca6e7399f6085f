"""How a scan becomes a tensor: one frozen record, the same for training, bank and query."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Recipe(BaseModel):
    """Steps from a `Scan` to the tensor that an encoder takes, in this order.

    1. `orientation`: axes turned to these letters (3D with known geometry).
    2. `spacing`: resampled to these mm (needs known spacing).
    3. `crop`: the central part, in voxels.
    4. `intensity`: values mapped, one mapping for all channels. "mask" comes first of all: of the
       two values that a scan must have the higher becomes 1 and the lower 0, and what is bright
       must lie wholly within the tensor.
    5. `spatial_size`: reached by `fit`.

    `in_channels`: colour becomes grey (luminance) before all steps, grey is repeated to three
    channels after them. Resampling is linear, smoothed where the image shrinks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    spatial_dims: Literal[2, 3]
    spatial_size: tuple[int, ...] = Field(
        description="voxels along each axis that the encoder takes"
    )
    fit: Literal["resize", "crop_or_pad"] = "resize"
    spacing: tuple[float, ...] | None = Field(default=None, description="mm; None: as scanned")
    orientation: str | None = Field(default=None, description='such as "RAS" (3D); None: as stored')
    crop: tuple[int, ...] | None = Field(default=None, description="central voxels kept; None: all")
    intensity: Literal["percentile", "window", "zscore", "mask"] = "percentile"
    intensity_range: tuple[float, float] | None = Field(
        default=None,
        description="percentile: lower and upper percentile (default 1 and 99); "
        "window: lowest and highest value in the modality's units; zscore, mask: not used",
    )
    in_channels: Literal[1, 3] = Field(default=1, description="1: grey; 3: colour")

    @model_validator(mode="after")
    def _check_geometry(self) -> Self:
        for name in ("spatial_size", "spacing", "crop"):
            value = getattr(self, name)
            if value is not None and len(value) != self.spatial_dims:
                raise ValueError(f"{name} needs {self.spatial_dims} values, got {len(value)}")
            if value is not None and min(value) <= 0:
                raise ValueError(f"{name} must be positive, got {list(value)}")
        if self.orientation is not None and self.spatial_dims == 2:
            raise ValueError("orientation is for 3D; a 2D image is compared as stored")
        if self.orientation is not None and not _is_orientation(self.orientation):
            raise ValueError(
                f'orientation must be three letters such as "RAS", got {self.orientation!r}'
            )
        return self

    @model_validator(mode="after")
    def _check_intensity(self) -> Self:
        if self.intensity == "window" and self.intensity_range is None:
            raise ValueError('intensity = "window" needs intensity_range = [lowest, highest]')
        if self.intensity in ("zscore", "mask") and self.intensity_range is not None:
            raise ValueError(f'intensity = "{self.intensity}" takes no intensity_range')
        if self.intensity == "mask" and self.in_channels == 3:
            raise ValueError('intensity = "mask" is for one channel (in_channels = 1)')
        if self.intensity == "mask" and self.crop is not None:
            raise ValueError('intensity = "mask" takes no crop: a structure is measured whole')
        if self.intensity_range is not None:
            low, high = self.intensity_range
            if low >= high:
                raise ValueError("intensity_range must be [lower, higher]")
            if self.intensity == "percentile" and not 0 <= low < high <= 100:
                raise ValueError("intensity_range must lie in 0 to 100 percent")
        return self


def _is_orientation(letters: str) -> bool:
    pairs = ("LR", "AP", "IS")
    return len(letters) == 3 and all(
        sum(letter in pair for letter in letters) == 1 for pair in pairs
    )
