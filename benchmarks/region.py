"""Claim: a region picks out one of two lesions in a scan.

Synthetic: phantoms with a second lesion, of another condition and patient, pasted beside the first.
Each lesion is asked about by its box, a quarter wider on each side. Right: the first condition is
that of this lesion. Three ways: the whole scan (which can be right for one of the two at most), the
crop that `compare_region` takes, and the whole scan with all detail outside the box blurred away.
Chance is .25. 95 % intervals by Wilson over boxes (two per scan: a little too narrow).

    python benchmarks/region.py --demo DEMO     (DEMO: folder that `medsiam demo --out DEMO` filled)
"""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from machine import write_result

from medsiam import ReferenceBank, Scan
from medsiam.comparison import compare, compare_embedding, compare_region
from medsiam.metrics import wilson_interval
from medsiam.phantoms import make_phantom
from medsiam.preprocessing import blur_out

Box = tuple[tuple[int, int], ...]
_TRIES = 200


def beside(
    box: Box, size: list[int], shape: tuple[int, ...], rng: np.random.Generator
) -> Box | None:
    """A place for a lesion of this size that does not touch the box; None where there is none."""
    if any(s > n for s, n in zip(size, shape, strict=True)):
        return None
    for _ in range(_TRIES):
        start = [int(rng.integers(0, n - s + 1)) for s, n in zip(size, shape, strict=True)]
        place = tuple((at, at + s) for at, s in zip(start, size, strict=True))
        if any(b >= hi or e <= lo for (b, e), (lo, hi) in zip(place, box, strict=True)):
            return place
    return None


def wider(box: Box, shape: tuple[int, ...]) -> Box:
    return tuple(
        (max(0, lo - (hi - lo) // 4), min(n, hi + (hi - lo) // 4))
        for (lo, hi), n in zip(box, shape, strict=True)
    )


def blurred_outside(scan: Scan, box: Box, bank: ReferenceBank) -> Scan:
    outside = np.ones(scan.spatial_shape, bool)
    outside[tuple(slice(*side) for side in box)] = False
    return blur_out(scan, bank.encoder.recipe).without(outside)


def measure(bank: ReferenceBank, spatial_dims: int, n_patients: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    right: dict[str, list[bool]] = {"whole scan": [], "crop": [], "blurred outside": []}
    for first, second in permutations(bank.conditions, 2):
        for number in range(n_patients):
            one, other = (
                make_phantom(name, spatial_dims=spatial_dims, patient_id=f"{seed} {number}",
                             random_state=seed)
                for name, seed in ((first, 77), (second, 78))
            )  # fmt: skip
            size = [hi - lo for lo, hi in other.lesion_box]
            place = beside(one.lesion_box, size, one.array.shape, rng)
            if place is None:
                continue
            array = one.array.copy()
            lesion = other.array[tuple(slice(*side) for side in other.lesion_box)]
            array[tuple(slice(*side) for side in place)] = lesion
            scan = Scan(array, spatial_dims, spacing=one.spacing, affine=one.affine,
                        modality=one.modality)  # fmt: skip
            whole = compare(scan, bank).conditions[0].condition
            for lesion_box, truth in ((one.lesion_box, first), (place, second)):
                box = wider(lesion_box, scan.spatial_shape)
                soft = bank.encoder.embed([blurred_outside(scan, box, bank)])
                found = {
                    "whole scan": whole,
                    "crop": compare_region(scan, box, bank).conditions[0].condition,
                    "blurred outside": compare_embedding(soft, scan, bank).conditions[0].condition,
                }
                for way, condition in found.items():
                    right[way].append(condition == truth)
    return {
        way: {"accuracy": float(np.mean(hits)), "n_boxes": len(hits),
              "interval": wilson_interval(sum(hits), len(hits))}
        for way, hits in right.items()
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--demo", type=Path, required=True)
    parser.add_argument("--patients", type=int, nargs=2, default=(8, 2), help="2D and 3D")
    args = parser.parse_args()
    figures = {}
    for dims, n_patients in zip((2, 3), args.patients, strict=True):
        bank = ReferenceBank.open(args.demo / "banks" / f"{dims}d")
        found = figures[f"{dims}d"] = measure(bank, dims, n_patients)
        for way, one in found.items():
            low, high = one["interval"]
            span = f"[{low:.2f}, {high:.2f}]"
            print(f"{dims}D  {way:<16} {one['accuracy']:.3f} {span}  n={one['n_boxes']}")
    write_result("region", {"synthetic": True, **figures})


if __name__ == "__main__":
    main()
