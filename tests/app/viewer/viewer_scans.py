"""Scans for the browser tests, drawn so that what is seen can be counted and measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsiam import Scan, read_scan
from viewer.paired_viewer import Pane

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Study:
    query: tuple[Pane, ...]
    matches: tuple[tuple[Pane, ...], ...]
    phases: tuple[str, ...] = ("",)


def ball(shape, spacing, seed, *, affine=True, **facts) -> Scan:
    """A shaded ball in noise, in stored axes left, back, head."""
    rng = np.random.default_rng(seed)
    mm = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    x, y, z = np.meshgrid(*mm, indexing="ij")
    radius = 0.4 * min(n * s for n, s in zip(shape, spacing, strict=True))
    inside = np.sqrt(x**2 + y**2 + z**2) < radius
    values = 60 * rng.random(shape) + inside * (500 + 6 * x + 3 * y) + 40
    matrix = LPS @ np.diag([*spacing, 1.0]) if affine else None
    return Scan(
        np.rint(values).astype(np.float32),
        3,
        affine=matrix,
        spacing=spacing,
        modality="MR",
        **facts,
    )


def signed_map(scan: Scan) -> np.ndarray:
    """For on the left half, against on the right one."""
    places = [np.linspace(-1, 1, n) for n in scan.spatial_shape]
    grid = np.meshgrid(*places, indexing="ij")
    blob = np.exp(-4 * sum(axis**2 for axis in grid))
    return (np.sin(3 * grid[0]) * blob).astype(np.float32)


def counted(shape, spacing=None, affine=None) -> Scan:
    """Every voxel has a value of its own: x + 30 (y + 30 z)."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    values = (x + 30 * (y + 30 * z)).astype(np.float32)
    return Scan(values, 3, affine=affine, spacing=spacing, modality="MR")


def towards(codes: str) -> Scan:
    """Brighter to the patient's left, front and head; stored axes run as the codes say."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for stored, code in enumerate(codes):
        world = next(i for i, pair in enumerate(("LR", "PA", "IS")) if code in pair)
        affine[world, stored] = 1 if code in "RAS" else -1
    x, y, z = np.meshgrid(*(np.arange(12) for _ in range(3)), indexing="ij")
    at = np.stack([x, y, z, np.ones_like(x)], axis=-1) @ affine.T  # mm, to the right, front, head
    middle = at.mean(axis=(0, 1, 2))
    values = 100 + 5 * ((middle - at)[..., 0] + (at - middle)[..., 1] + (at - middle)[..., 2])
    return Scan(values.astype(np.float32), 3, affine=affine, spacing=(1, 1, 1), modality="MR")


def film(mm: float, size: int) -> Scan:
    """Black, with a white bar of 40 mm x 4 mm in its middle."""
    values = np.zeros((size, size), np.float32)
    half, thin = round(20 / mm), round(2 / mm)
    middle = size // 2
    values[middle - half : middle + half, middle - thin : middle + thin] = 255
    return Scan(values, 2, spacing=(mm, mm), modality="CR")


def study(name: str) -> Study:
    kind, _, rest = name.partition("-")
    if kind == "files":  # query and match as given
        panes = tuple(Pane(read_scan(Path(path)), Path(path).stem) for path in rest.split(":"))
        return Study(panes[:1], (panes[1:],))
    if kind == "letters":
        scan = towards(rest)
        return Study((Pane(scan, ""),), ((Pane(scan, ""),),))
    return {
        "volumes": volumes,
        "rulers": rulers,
        "counted": pair_of_counted,
        "phases": phases,
        "large": large,
    }[kind]()


def volumes() -> Study:
    query = ball((64, 56, 24), (1.5, 1.5, 4.0), 1)
    first, second = ball((48, 48, 11), (2.0, 2.0, 8.0), 2), ball((60, 50, 9), (1.6, 1.6, 9.0), 3)
    unknown = ball((40, 40, 10), (2.0, 2.0, 5.0), 4, affine=False)
    return Study(
        (Pane(query, "new scan", signed_map(query)),),
        (
            (Pane(first, "1. LAM (case 7)", signed_map(first)),),
            (Pane(second, "2. DCM (case 3)"),),
            (Pane(unknown, "3. RV (case 9)"),),
        ),
    )


def rulers() -> Study:
    return Study((Pane(film(0.5, 200), ""),), ((Pane(film(1.0, 120), ""),),))


def pair_of_counted() -> Study:
    query = counted((30, 26, 21), (1.0, 1.0, 3.0), LPS @ np.diag([1.0, 1.0, 3.0, 1.0]))
    match = counted((20, 18, 8), (2.0, 2.0, 7.0), LPS @ np.diag([2.0, 2.0, 7.0, 1.0]))
    return Study((Pane(query, ""),), ((Pane(match, ""),),))


def phases() -> Study:
    scans = [ball((40, 40, 10), (1.5, 1.5, 8.0), seed) for seed in range(4)]
    panes = [Pane(scan, "") for scan in scans]
    return Study(tuple(panes[:2]), (tuple(panes[2:]),), ("ED", "ES"))


def large() -> Study:
    panes = [ball((512, 512, 60), (0.7, 0.7, 3.0), seed) for seed in (1, 2)]
    return Study(
        *(
            (Pane(panes[0], "", signed_map(panes[0])),),
            ((Pane(panes[1], "", signed_map(panes[1])),),),
        )
    )
