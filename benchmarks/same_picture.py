"""Claim: the same picture saved again is recognised, and different patients are not taken for one.

Every scan of a data set stands in a bank of all the others' pictures; asked is the same scan after
JPEG, brighter, smaller, cut. False alarms: scans that some scan of another patient is taken for.
From pixels alone, no encoder. The limits were chosen on these data. Needs MEDSIAM_DATA.

    python benchmarks/same_picture.py
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from machine import write_result
from PIL import Image

from medsiam.bank import Case, Snapshot
from medsiam.bank.same_picture import Pictures
from medsiam.metrics import wilson_interval
from medsiam.preprocessing import picture_hash
from medsiam.scans import Scan, read_scan

_SETS = {
    "chula_rbc_cells": "group",
    "cxr_rare_pneumonia": "patient_id",
    "lung_ultrasound": "patient_id",
    "acdc_cardiac_mri": "patient_id",
}
Grey = np.ndarray[Any, np.dtype[np.float32]]


def jpeg(quality: int) -> Callable[[Grey], Grey]:
    def save(values: Grey) -> Grey:
        stream = io.BytesIO()
        Image.fromarray(values.round().astype(np.uint8)).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream), dtype=np.float32)

    return save


def scaled(share: float) -> Callable[[Grey], Grey]:
    """Each axis smaller, by linear interpolation."""

    def scale(values: Grey) -> Grey:
        for axis in range(min(values.ndim, 3) if values.shape[-1] != 3 else 2):
            n = values.shape[axis]
            n_new = max(2, round(share * n))
            places = np.clip((np.arange(n_new) + 0.5) * n / n_new - 0.5, 0, n - 1)
            low = np.minimum(places.astype(np.intp), n - 2)
            part = (places - low).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
            first, second = values.take(low, axis), values.take(low + 1, axis)
            values = ((1 - part) * first + part * second).astype(np.float32)
        return values

    return scale


def cut(share: float) -> Callable[[Grey], Grey]:
    def crop(values: Grey) -> Grey:
        edge = max(1, round(share * min(values.shape[:2])))
        return values[edge:-edge, edge:-edge]

    return crop


def brighter(values: Grey) -> Grey:
    return np.clip(values + 0.08 * np.ptp(values), None, values.max())


def noisy(values: Grey) -> Grey:
    noise = np.random.default_rng(0).normal(size=values.shape) * 0.03 * np.ptp(values)
    return (values + noise).astype(np.float32)


CHANGES: dict[str, Callable[[Grey], Grey]] = {
    "JPEG 50": jpeg(50),
    "JPEG 75": jpeg(75),
    "JPEG 90": jpeg(90),
    "brighter, the brightest cut off": brighter,
    "noise of 3 %": noisy,
    "2 % smaller": scaled(0.98),
    "half the size": scaled(0.5),
    "1 % cut off each edge": cut(0.01),
    "2 % cut off each edge": cut(0.02),
}


def pictures_of(hashes: list[str | None], patients: list[str]) -> Pictures:
    cases = [cast(Case, SimpleNamespace(patient=patient, phases=("",))) for patient in patients]
    none = np.empty((len(cases), 0), np.float32)
    return Pictures.of(Snapshot(1, tuple(cases), none, tuple((text,) for text in hashes)))


def measure(name: str, owner: str) -> dict[str, Any]:
    folder = Path(os.environ["MEDSIAM_DATA"]).resolve() / name
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    hashes: list[str | None] = []
    changed: dict[str, list[str | None]] = {}
    for row in rows:
        scan = read_scan(folder / row["path"])
        hashes.append(picture_hash(scan))
        for what, change in CHANGES.items():
            if scan.spatial_dims == 2 or not what.startswith("JPEG"):
                again = Scan(array=change(scan.array), spatial_dims=scan.spatial_dims)
                changed.setdefault(what, []).append(picture_hash(again))
    pictures = pictures_of(hashes, [row[owner] for row in rows])
    pairs = pictures.pairs()
    figures: dict[str, Any] = {
        "n_scans": len(rows),
        "n_patients": len(set(pictures.patients.tolist())),
        "limit": pictures.limit,
        "taken_for_one": [[rows[i]["path"], rows[j]["path"]] for i, j in pairs],
    }
    print(f"{name}: {len(rows)} scans, limit {pictures.limit:.3f}; of different patients taken for "
          f"one: {len(pairs)} pairs {figures['taken_for_one']}", flush=True)  # fmt: skip
    for what, texts in changed.items():
        found = sum(bool(pictures.same_as([text])[i]) for i, text in enumerate(texts))
        low, high = wilson_interval(found, len(texts))
        figures[what] = {"found": found, "of": len(texts), "low": low, "high": high}
        print(f"  {what}: {found} of {len(texts)} [{low:.3f}, {high:.3f}]", flush=True)
    return figures


def main() -> None:
    figures = {name: measure(name, owner) for name, owner in _SETS.items()}
    print(f"written: {write_result('same_picture', figures)}")


if __name__ == "__main__":
    main()
