"""Claim: a series is read at least as fast as by MONAI's PydicomReader, and right where it is not.

MEDSIAM_DATA=/path/to/data python benchmarks/reading.py

Speed: `read_scan(folder)` against `LoadImage(reader=PydicomReader())`, in turns in the same
process. Right or wrong: for each case a sample of pixels is placed in the patient by the equation
of PS3.3 C.7.6.2.1.1, from the files with pydicom alone; a reader is right where its volume has the
same value at the same place.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from machine import write_result
from monai.data.image_reader import PydicomReader
from monai.transforms.io.array import LoadImage
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from reading_cases import CASES, PICTURES, Point, write_ct

from medsiam.errors import ScanError
from medsiam.scans import index_folder, read_scan

ROUNDS = 7
POINTS = 400
Volume = tuple[NDArray[Any], NDArray[Any] | None]


def ours(path: Path) -> list[Volume]:
    """Every volume that `index_folder` finds; raises where one is refused."""
    scans = [source.read() for source in index_folder(path).sources]
    return [(scan.array, scan.affine) for scan in scans]


def monais(path: Path) -> list[Volume]:
    """What MONAI makes of the same path: always one array."""
    image = LoadImage(reader=PydicomReader(), image_only=True)(str(path))
    return [(image.numpy(), np.asarray(image.affine))]


def points_of(paths: list[Path]) -> Iterator[Point]:
    """Yield sampled pixels of single-frame files: place in mm (RAS+) and value after rescale."""
    chance = np.random.default_rng(1)
    for path in paths:
        ds = pydicom.dcmread(path)
        values = ds.pixel_array * float(ds.get("RescaleSlope", 1))
        values = values + float(ds.get("RescaleIntercept", 0))
        x, y = np.asarray(ds.ImageOrientationPatient, float).reshape(2, 3)
        row_mm, column_mm = map(float, ds.PixelSpacing)
        corner = np.asarray(ds.ImagePositionPatient, float)
        for _ in range(max(2, POINTS // len(paths))):
            row, column = chance.integers(values.shape)
            place = corner + x * column * column_mm + y * row * row_mm
            yield place * (-1, -1, 1), float(values[row, column])


def share_right(volumes: list[Volume], points: list[Point]) -> float:
    """Return the share of points that some volume has at their place with their value."""
    right = sum(any(_has(volume, *point) for volume in volumes) for point in points)
    return right / len(points)


def _has(volume: Volume, place: NDArray[np.float64], value: float) -> bool:
    array, affine = volume
    if affine is None or array.ndim < 3 or np.linalg.det(affine) == 0:
        return False
    index = (np.linalg.inv(affine) @ [*place, 1.0])[:3]
    whole = np.rint(index).astype(int)
    if abs(index - whole).max() > 0.05 or (whole < 0).any() or (whole >= array.shape[:3]).any():
        return False
    return bool(np.isclose(array[tuple(whole)], value, atol=1e-3).all())


def outcome(reader: Callable[[Path], list[Volume]], path: Path, points: list[Point]) -> str:
    """Return how a reader fares: right, refused with a code, or wrong and how."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            volumes = reader(path)
    except ScanError as error:
        return f"refused: {error.code}"
    except Exception as error:
        return f"fails: {type(error).__name__}"
    share = share_right(volumes, points)
    shapes = ", ".join(" x ".join(map(str, a.shape)) for a, _ in volumes[:1])
    count = f"{len(volumes)} volumes of " if len(volumes) > 1 else ""
    return "right" if share == 1 else f"wrong: {share:.0%} in place ({count}{shapes})"


def compare_cases(folder: Path, samples: Path | None) -> dict[str, dict[str, str]]:
    """Return for each case what both readers make of it."""
    told = {}
    for number, (name, build) in enumerate(CASES.items()):
        place = folder / f"case{number}"
        place.mkdir()
        path, points = build(place)
        points = points or list(points_of(sorted(p for p in place.rglob("*.dcm"))))
        told[name] = {
            "medsiam": outcome(ours, path, points),
            "monai": outcome(monais, path, points),
        }
    for name, build in PICTURES.items():
        place = folder / f"blind{name}"
        place.mkdir()
        path, is_right = build(place)
        told[name] = {
            "medsiam": _judged(ours, path, is_right),
            "monai": _judged(monais, path, is_right),
        }
    if samples is not None:
        for series, reference in (("siemens_epi_ap", "siemens_epi_ap"), ("ge_fmri", "ge_fmri")):
            truth = nib.load(samples / "reference_nifti" / f"{reference}.nii")
            points = list(_points_of_nifti(truth))
            path = samples / "series" / series
            told[f"real: {series}"] = {
                "medsiam": outcome(ours, path, points),
                "monai": outcome(monais, path, points),
            }
    return told


def _judged(
    reader: Callable[[Path], list[Volume]], path: Path, is_right: Callable[[Volume], bool]
) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (volume, *_) = reader(path)
    except ScanError as error:
        return f"refused: {error.code}"
    except Exception as error:
        return f"fails: {type(error).__name__}"
    shape = " x ".join(map(str, volume[0].shape))
    return "right" if is_right(volume) else f"wrong ({shape})"


def _points_of_nifti(image: nib.Nifti1Image) -> Iterator[Point]:
    """Yield sampled voxels of a 4D file that dcm2niix made, from its brighter half."""
    voxels = np.asarray(image.dataobj)
    chance = np.random.default_rng(2)
    bright = np.argwhere(voxels > np.median(voxels))
    for at in bright[chance.choice(len(bright), POINTS, replace=False)]:
        yield (image.affine @ [*at[:3], 1.0])[:3], float(voxels[tuple(at)])


def compare_speed(series: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Return medians of interleaved rounds, the start of the reading process left out."""
    ways = {"medsiam": read_scan, "monai": monais}
    told = {}
    for name, path in series.items():
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for round_ in range(ROUNDS + 1):
            for way, read in ways.items():
                start = time.perf_counter()
                read(path)
                if round_:  # the first warms up disk and libraries
                    seconds[way].append(time.perf_counter() - start)
        medians = {way: statistics.median(took) for way, took in seconds.items()}
        ratios = sorted(a / b for a, b in zip(*seconds.values(), strict=True))
        told[name] = {
            "median_seconds": medians,
            "ratio_of_medians": medians["medsiam"] / medians["monai"],
            "ratios": [ratios[0], ratios[-1]],
            "rounds": ROUNDS,
        }
    return told


def main() -> None:
    data = os.environ.get("MEDSIAM_DATA")
    samples = Path(data) / "dicom_samples" if data else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = {"generated CT, 512 x 512 x 200": write_ct(folder / "ct")}
        if samples is not None:
            for one in ("gbm_t1post", "gbm_flair", "mr_sagittal_hfs"):
                series[one] = samples / "series" / one
        speed = compare_speed(series)
        cases = compare_cases(folder, samples)
    print(f"{'series':34} {'medsiam':>9} {'MONAI':>9} {'ratio':>6}")
    for name, told in speed.items():
        a, b = told["median_seconds"].values()
        low, high = told["ratios"]
        print(
            f"{name:34} {a:7.3f} s {b:7.3f} s {told['ratio_of_medians']:6.2f} "
            f"({low:.2f} to {high:.2f})"
        )
    print(f"\n{'case':48} {'medsiam':34} MONAI")
    for name, ends in cases.items():
        print(f"{name:48} {ends['medsiam']:34} {ends['monai']}")
    write_result("reading", {"speed": speed, "cases": cases})


if __name__ == "__main__":
    main()
