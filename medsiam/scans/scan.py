"""One 2D image or one 3D volume, with what is known of its geometry and its header."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from nibabel.orientations import aff2axcodes
from numpy.typing import NDArray

VoiFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class VoiTable:
    """The grey of every value, where a window cannot say it (PS3.3 C.11.2.1.1).

    Attributes:
        name: as in LUTExplanation.
        first: the value that has the first level; smaller ones have it too.
        levels: 0 (black) to 255, one for each whole step of the value; the last one holds on.
    """

    name: str
    first: float
    levels: tuple[int, ...] = field(repr=False)

    def inverted(self, pivot: float) -> VoiTable:
        """The same greys turned round for values v that became `pivot` - v."""
        last = self.first + len(self.levels) - 1
        return VoiTable(self.name, pivot - last, tuple(255 - n for n in reversed(self.levels)))


@dataclass(frozen=True, eq=False)
class Scan:
    """What the encoder sees, and what may be said about it.

    Attributes:
        array: float32 values in the modality's own units after rescale (HU for CT); axes (x, y)
            or (x, y, z), channels last where colour: (x, y, 3). x runs along image columns
            (left to right on screen), y along image rows (top to bottom on screen) for images and
            DICOM; for NIfTI the stored voxel axes.
        spatial_dims: 2 for an image, 3 for a volume.
        affine: (4, 4), voxel index to mm in RAS+, or None where position or orientation is
            unknown. Never invented. For an image the third axis is the slice normal.
        spacing: mm between voxel centres along each spatial axis, or None where unknown. Known
            spacing with unknown orientation is possible (a radiograph with PixelSpacing).
        modality: DICOM modality (CT, MR, CR, DX, US, ...), None where the file does not say.
        body_part: DICOM BodyPartExamined, None where the file does not say.
        scanner: manufacturer and model, None where the file does not say.
        patient_id: kept in memory only; never printed, logged or written (a bank stores a hash).
        study_uid, series_uid: DICOM UIDs where there are any.
        sources: the files the scan was read from.
        window: (center, width) in units of `array` for display, where the file carries one.
        presets: (name, center, width) of every window that the file carries, the first one first.
        voi_function: DICOM VOILUTFunction, by which these windows turn values into greys.
        voi_table: the file's own table for it, which goes before its windows.
        photometric: DICOM PhotometricInterpretation as stored; the array is already inverted for
            MONOCHROME1 (so large = bright).
        warnings: sentences about what was odd but not fatal, each a `ScanWarning` with its code.
    """

    array: NDArray[np.float32] = field(repr=False)
    spatial_dims: int
    affine: NDArray[np.float64] | None = field(default=None, repr=False)
    spacing: tuple[float, ...] | None = None
    modality: str | None = None
    body_part: str | None = None
    scanner: str | None = None
    patient_id: str | None = field(default=None, repr=False)
    study_uid: str | None = None
    series_uid: str | None = None
    sources: tuple[Path, ...] = ()
    window: tuple[float, float] | None = None
    presets: tuple[tuple[str, float, float], ...] = ()
    voi_function: VoiFunction = "LINEAR_EXACT"
    voi_table: VoiTable | None = None
    photometric: str | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims must be 2 or 3, got {self.spatial_dims}")
        if self.array.ndim not in (self.spatial_dims, self.spatial_dims + 1):
            raise ValueError(
                f"array of shape {self.array.shape} does not fit spatial_dims={self.spatial_dims}"
            )
        if self.array.dtype != np.float32:
            raise ValueError(f"array must be float32, got {self.array.dtype}")
        if self.affine is not None and self.affine.shape != (4, 4):
            raise ValueError(f"affine must be (4, 4), got {self.affine.shape}")
        if self.spacing is not None and len(self.spacing) != self.spatial_dims:
            raise ValueError(
                f"spacing {self.spacing} does not fit spatial_dims={self.spatial_dims}"
            )

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Size along each spatial axis, without channels."""
        return tuple(self.array.shape[: self.spatial_dims])

    @property
    def n_channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.array.shape[-1] if self.array.ndim > self.spatial_dims else 1

    @property
    def orientation(self) -> str | None:
        """Direction each axis runs to, such as "LPS"; None where unknown."""
        if self.affine is None:
            return None
        return "".join(aff2axcodes(self.affine))[: self.spatial_dims]

    @cached_property
    def content_hash(self) -> str:
        """sha256 over values, shape and geometry: the same scan has the same hash anywhere."""
        digest = hashlib.sha256(repr((self.array.shape, self.spatial_dims)).encode())
        digest.update(np.ascontiguousarray(self.array).data)
        if self.affine is not None:
            digest.update(np.round(self.affine, 4).astype("<f8").tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        size = " x ".join(str(n) for n in self.spatial_shape)
        spacing = (
            " x ".join(f"{s:.4g}" for s in self.spacing) + " mm"
            if self.spacing
            else "spacing unknown"
        )
        orientation = self.orientation or "orientation unknown"
        colour = ", colour" if self.n_channels > 1 else ""
        return (
            f"Scan({self.modality or 'modality unknown'}, {self.spatial_dims}D, {size}{colour}, "
            f"{spacing}, {orientation})"
        )
