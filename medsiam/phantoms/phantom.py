"""One synthetic study: a lesion pattern somewhere in a body, imaged once."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medsiam.errors import UsageError
from medsiam.phantoms.anatomy import draw_ct, draw_radiograph
from medsiam.phantoms.lesions import CONDITIONS, REACH, draw_lesion

Field = NDArray[np.float32]

MAX_BRIGHTNESS = 65535
"""Largest stored value of a synthetic radiograph (16 bits)."""
_BRIGHTNESS = (26000.0, 8000.0)
"""Stored value of radiograph brightness 0, and of one unit of it."""
_USUAL_FILL = 0.35
"""Share of the unit ball that a pattern usually fills."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """One synthetic scan and the truth about it.

    Attributes:
        array: (x, y) or (x, y, z) float32 whole numbers. CT: HU. Radiograph: 0 to 65535, large =
            bright, however the file stores it.
        spacing: mm between voxel centres along each axis.
        condition: one of `CONDITIONS`.
        patient_id: starts with "SYN-" in all files that this package writes.
        lesion_box: (lo, hi) along each axis, in voxels, hi exclusive; no lesion outside.
        affine: (4, 4) voxel index to mm in RAS+; None for a radiograph, which has no position.
        photometric: DICOM PhotometricInterpretation that `write_dicom` uses.
        random_state, study: what the phantom was made from, beside condition and patient.
    """

    array: Field = field(repr=False)
    spacing: tuple[float, ...]
    condition: str
    patient_id: str = field(repr=False)
    lesion_box: tuple[tuple[int, int], ...]
    affine: NDArray[np.float64] | None = field(repr=False)
    photometric: Literal["MONOCHROME1", "MONOCHROME2"]
    random_state: int
    study: int

    @property
    def spatial_dims(self) -> int:
        """2 for a radiograph, 3 for a CT volume."""
        return self.array.ndim

    @property
    def modality(self) -> Literal["DX", "CT"]:
        """DICOM modality."""
        return "DX" if self.array.ndim == 2 else "CT"


@dataclass(frozen=True)
class _Lesion:
    """What stays the same in every study of a patient. Lengths: half field widths."""

    centre: NDArray[np.float64]
    radius: float
    rotation: NDArray[np.float64]
    stretch: NDArray[np.float64]
    contrast: float  # signed; radiograph: brightness, CT: HU


@dataclass(frozen=True)
class _Grid:
    """Voxel grid of one study."""

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    half_width: float  # mm
    origin: NDArray[np.float64]  # mm, LPS, of voxel (0, 0, 0); CT only


def make_phantom(
    condition: str, *, spatial_dims: int, patient_id: str, random_state: int, study: int = 0
) -> Phantom:
    """Make one synthetic scan.

    The body, and where the lesion lies, how large, how turned and how bright it is, follow from
    `random_state` and `patient_id`; how it was imaged (matrix, spacing, placement, exposure, noise)
    and how much the lesion grew follow from `study` as well. The same arguments give the same
    pixels.

    Args:
        condition: one of `CONDITIONS`.
        spatial_dims: 2 for a radiograph, 3 for a CT volume.
        patient_id: any text; the patient.
        random_state: seed, 0 or more.
        study: 0 for the first study of the patient, 1 for the next, ...

    Raises:
        UsageError: an unknown condition, wrong `spatial_dims`, or a negative number.
    """
    if condition not in CONDITIONS:
        raise UsageError(f"unknown condition {condition!r}; known: {', '.join(CONDITIONS)}")
    if spatial_dims not in (2, 3):
        raise UsageError(f"spatial_dims must be 2 or 3, got {spatial_dims}")
    if random_state < 0 or study < 0:
        raise UsageError("random_state and study must be 0 or more")
    seed = [random_state, zlib.crc32(patient_id.encode()), spatial_dims]
    # One stream each, so that another pattern in the same patient leaves the rest as it is.
    anatomy, pose, detail = (np.random.default_rng([*seed, stream]) for stream in range(3))
    visit = np.random.default_rng([*seed, 3, study])

    grid = _choose_grid(spatial_dims, anatomy, visit)
    p = _body_coordinates(grid, visit)
    image = (draw_radiograph if spatial_dims == 2 else draw_ct)(p, anatomy)
    box = _add_lesion(
        image, p, condition, lesion=_choose_lesion(spatial_dims, pose, visit), grid=grid, rng=detail
    )
    array = _expose(image, p, visit)
    return Phantom(
        array=array,
        spacing=grid.spacing,
        condition=condition,
        patient_id=patient_id,
        lesion_box=box,
        affine=_affine(grid) if spatial_dims == 3 else None,
        photometric="MONOCHROME1" if spatial_dims == 2 and pose.random() < 0.3 else "MONOCHROME2",
        random_state=random_state,
        study=study,
    )


def _choose_grid(
    spatial_dims: int, anatomy: np.random.Generator, visit: np.random.Generator
) -> _Grid:
    if spatial_dims == 2:
        width = float(anatomy.uniform(280, 380))
        spacing = round(width / int(visit.integers(160, 225)), 4)
        nx = round(width / spacing)
        shape: tuple[int, ...] = (nx, round(nx * visit.uniform(0.9, 1.15)))
        return _Grid(shape, (spacing, spacing), nx * spacing / 2, np.zeros(3))
    width = float(anatomy.uniform(220, 320))
    n, n_slices = int(visit.integers(56, 73)), int(visit.integers(40, 65))
    in_plane = round(width / n, 4)
    thickness = round(width * float(visit.uniform(0.85, 1.0)) / n_slices, 2)
    middle = np.round(visit.uniform(-40, 40, 3) - np.array([0, 0, 300]), 1)
    extent = np.array([n - 1, n - 1, n_slices - 1]) * (in_plane, in_plane, thickness)
    origin = np.round(middle - extent / 2, 2)
    return _Grid((n, n, n_slices), (in_plane, in_plane, thickness), n * in_plane / 2, origin)


def _affine(grid: _Grid) -> NDArray[np.float64]:
    """Axial slices, x to the left and y to the back, as RAS+."""
    affine = np.eye(4)
    affine[:3, :3] = np.diag(np.array(grid.spacing) * (-1, -1, 1))
    affine[:3, 3] = grid.origin * (-1, -1, 1)
    return affine


def _body_coordinates(grid: _Grid, visit: np.random.Generator) -> Field:
    """(spatial_dims, *shape): where each voxel lies in the body, which is never placed the same."""
    axes = [
        ((np.arange(n) - (n - 1) / 2) * step / grid.half_width).astype(np.float32)
        for n, step in zip(grid.shape, grid.spacing, strict=True)
    ]
    p = np.stack(np.meshgrid(*axes, indexing="ij"))
    angle = np.deg2rad(visit.uniform(-8, 8))
    turn = np.eye(len(p), dtype=np.float32)
    turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    p -= visit.uniform(-0.08, 0.08, len(p)).astype(np.float32).reshape(-1, *(1,) * len(p))
    return np.asarray(np.tensordot(turn, p, axes=1), np.float32)


def _choose_lesion(
    spatial_dims: int, pose: np.random.Generator, visit: np.random.Generator
) -> _Lesion:
    reach = (0.48, 0.45) if spatial_dims == 2 else (0.42, 0.28, 0.34)
    radius = pose.uniform(0.30, 0.41) if spatial_dims == 2 else pose.uniform(0.34, 0.43)
    turn, triangle = np.linalg.qr(pose.normal(size=(spatial_dims, spatial_dims)))
    contrast = pose.uniform(0.8, 1.4) if spatial_dims == 2 else pose.uniform(240, 440)
    return _Lesion(
        centre=pose.uniform(-1, 1, spatial_dims) * reach,
        radius=radius * visit.uniform(0.92, 1.08),
        rotation=turn * np.sign(np.diag(triangle)),  # uniform over rotations and reflections
        stretch=pose.uniform(0.87, 1.15, spatial_dims),
        contrast=float(contrast * visit.uniform(0.9, 1.1) * pose.choice([-1, 1])),
    )


def _add_lesion(
    image: Field,
    p: Field,
    condition: str,
    *,
    lesion: _Lesion,
    grid: _Grid,
    rng: np.random.Generator,
) -> tuple[tuple[int, int], ...]:
    """Add the lesion to `image` in place; return its box in voxels."""
    offset = p - lesion.centre.astype(np.float32).reshape(-1, *(1,) * image.ndim)
    near = _bounds(np.max(np.abs(offset), axis=0) < REACH * lesion.radius)
    window = tuple(slice(lo, hi) for lo, hi in near)
    frame = np.diag(1 / (lesion.radius * lesion.stretch)) @ lesion.rotation.T
    u = np.tensordot(frame.astype(np.float32), offset[:, *window], axes=1).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, len(u)).astype(np.float32)
    u += 0.05 * np.sin(2.2 * np.roll(u, 1, axis=0) + phase.reshape(-1, *(1,) * image.ndim))
    # The edge is as wide as a voxel: no pattern is sharper than the imaging.
    voxel = max(grid.spacing) / grid.half_width / lesion.radius
    share = draw_lesion(condition, u, edge=1.2 * voxel, rng=rng)
    # Patterns that fill little are a little brighter, so that mean brightness gives nothing away.
    ball = (np.linalg.norm(u, axis=0) < 1).sum()
    evened = np.clip(np.sqrt(_USUAL_FILL * ball / share.sum()), 0.75, 1.3)
    image[window] += np.float32(lesion.contrast * evened) * share
    inner = _bounds(share > 0)
    return tuple((lo + a, lo + b) for (lo, _), (a, b) in zip(near, inner, strict=True))


def _bounds(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """(lo, hi) of the True voxels along each axis, hi exclusive."""
    bounds = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        bounds.append((int(hit[0]), int(hit[-1]) + 1))
    return tuple(bounds)


def _expose(image: Field, p: Field, visit: np.random.Generator) -> Field:
    """Smooth bias, noise and the scanner's scale; whole numbers, as files store them."""
    ramp = np.tensordot(visit.uniform(-1, 1, len(p)).astype(np.float32), p, axes=1)
    bowl = np.float32(visit.uniform(-1, 1)) * np.einsum("i...,i...->...", p, p)
    noise = visit.standard_normal(image.shape, dtype=np.float32)
    if image.ndim == 3:
        level = np.float32(visit.uniform(12, 40))
        return np.asarray(
            np.clip(np.round(image + 15 * (ramp + bowl) + level * noise), -1024, 3071)
        )
    image = image * np.float32(visit.uniform(0.8, 1.2)) + np.float32(visit.uniform(-0.4, 0.4))
    image += np.float32(0.3) * (ramp + bowl) + np.float32(visit.uniform(0.06, 0.2)) * noise
    zero, unit = _BRIGHTNESS
    return np.asarray(np.clip(np.round(zero + unit * image), 0, MAX_BRIGHTNESS), np.float32)
