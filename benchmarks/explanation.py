"""Claim: maps of where a similarity comes from are true to the shipped encoders.

MEDSIAM_DATA=/path/to/data python benchmarks/explanation.py --demo DEMO [--cells RUN/encoder]

--demo: what `medsiam demo` wrote; --cells: an encoder of configs/training/chula_2d.toml; without
them their rows stay as they were last measured, and so do all rows but those of --only. Real
scans: a query and its nearest scan of another patient (smear), conditions that no encoder was
trained on and no setting of the maps was chosen on. Maps and distances are seen from a centre, the
mean of the scans that the pairs were drawn from, as in comparisons with a bank. For each set of
pairs: how often blurring out the marked tenth costs more than a random region of that size, the
mean rise beside that of a disc in the middle of the picture (what a map would be that knows
nothing), and both controls. Phantoms: the share of the top 5 % of the map in the lesion's box,
beside the share of a map that knows nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from machine import RESULTS, write_result
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from medsiam import Encoder, Scan, load_encoder, read_case_table, read_scan
from medsiam.comparison import check_explanations, explain
from medsiam.comparison.explanation_checks import MARKED, top_region
from medsiam.distances import pairwise_distances
from medsiam.encoders import similarity_maps
from medsiam.metrics import wilson_interval
from medsiam.phantoms import UNSEEN_CONDITIONS, make_phantom
from medsiam.preprocessing import blur_out

SEED = 2031
TOP = 0.05
SHAPES, HEARTS = ("stomatocyte", "teardrop", "burr_cell"), ("HCM", "RV")
RARE_CHEST = (
    *("pneumocystis", "streptococcus", "mycoplasma", "varicella", "lipoid", "ards", "e_coli"),
    *("influenza", "eosinophilic_pneumonia", "desquamative_interstitial_pneumonia"),
    *("lymphocytic_interstitial_pneumonia", "usual_interstitial_pneumonia"),
)
REAL = {
    "hearts, cardiac-cine": ("acdc_cardiac_mri", HEARTS),
    "hearts, default-3d": ("acdc_cardiac_mri", HEARTS),
    "cells, default-2d": ("chula_rbc_cells", SHAPES),
    "chest, default-2d": ("cxr_rare_pneumonia", RARE_CHEST),
    "ultrasound, default-2d": ("lung_ultrasound", ("covid19", "viral_pneumonia")),
    "cells, cells encoder": ("chula_rbc_cells", SHAPES),
}
PHANTOMS = (
    "phantoms, default-2d",
    "phantoms, demo 2D",
    "phantoms, default-3d",
    "phantoms, demo 3D",
)
Pair = tuple[Scan, Scan]
Floats = NDArray[np.floating]


def nearest_pairs(
    encoder: Encoder, table: Path, conditions: Sequence[str], n: int
) -> tuple[list[Pair], Floats]:
    """`n` queries drawn at random, each with its nearest scan of another subject; the centre."""
    rows = [row for row in read_case_table(table).rows if row.condition in conditions]
    rng = np.random.default_rng(SEED)
    rows = [rows[i] for i in rng.permutation(len(rows))[: 2 * n]]
    scans = [read_scan(row.path) for row in rows]
    found = encoder.embed(scans)
    subjects = np.array([row.subject for row in rows])
    centre = np.mean([found[subjects == one].mean(axis=0) for one in np.unique(subjects)], axis=0)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    likeness = unit @ unit.T
    likeness[subjects[:, None] == subjects] = -2
    return [(scans[i], scans[int(likeness[i].argmax())]) for i in range(n)], centre


def middle_disc(shape: Sequence[int]) -> NDArray[np.float64]:
    """A map that falls with the distance from the middle, whatever the scans."""
    off = np.indices(shape).T - (np.array(shape) - 1) / 2
    return np.asarray(-((off / shape) ** 2).sum(axis=-1).T)


def disc_rise(encoder: Encoder, pair: Pair, centre: Floats) -> float:
    """How much the distance rises without the disc, mean over both scans."""
    whole = encoder.embed(pair) - centre
    rises = []
    for scan, other in zip(pair, whole[::-1], strict=True):
        blurring = blur_out(scan, encoder.recipe)
        disc = top_region(middle_disc(scan.spatial_shape), blurring.seen, MARKED)
        left = encoder.embed([blurring.without(disc)]) - centre
        rises.append(pairwise_distances(left, other[None], metric="cosine")[0, 0])
    plain = pairwise_distances(whole[:1], whole[1:], metric="cosine")[0, 0]
    return float(np.mean(rises) - plain)


def measure_real(
    encoder: Encoder, folder: str, conditions: Sequence[str], n: int
) -> dict[str, Any]:
    table = Path(os.environ["MEDSIAM_DATA"]) / folder / "labels.csv"
    pairs, centre = nearest_pairs(encoder, table, conditions, n)
    times = measure_time(encoder, pairs[0], centre)
    checks = check_explanations(pairs, encoder, centre=centre, random_state=SEED)
    discs = [disc_rise(encoder, pair, centre) for pair in pairs]
    return {
        **asdict(checks),
        "passed": checks.passed,
        "middle_disc_rise": float(np.mean(discs)),
        **times,
    }


def measure_phantoms(encoder: Encoder, n: int) -> dict[str, Any]:
    """Pairs of two patients with the same lesion pattern."""
    dims = encoder.recipe.spatial_dims
    found, boxes = [], []
    everything = []
    for place in range(n):
        condition = UNSEEN_CONDITIONS[place % len(UNSEEN_CONDITIONS)]
        phantoms = [
            make_phantom(
                condition, spatial_dims=dims, patient_id=f"SYN-{place}-{i}", random_state=SEED
            )
            for i in range(2)
        ]
        pair = [
            Scan(p.array, spatial_dims=dims, affine=p.affine, spacing=p.spacing) for p in phantoms
        ]
        everything.append((phantoms, pair))
    centre = encoder.embed(scan for _, pair in everything for scan in pair).mean(axis=0)
    for phantoms, pair in everything:
        maps = similarity_maps(encoder, *pair, centre=centre)
        for phantom, shown in zip(phantoms, maps, strict=True):
            box = np.zeros(phantom.array.shape, dtype=bool)
            box[tuple(slice(low, high) for low, high in phantom.lesion_box)] = True
            found.append(box[top_region(shown.values, shown.seen, TOP)].mean())
            boxes.append(box.mean())
    low, high = wilson_interval(sum(share >= 0.8 for share in found), len(found))
    return {
        "n_maps": len(found),
        "mean_in_lesion": float(np.mean(found)),
        "median_in_lesion": float(np.median(found)),
        "maps_with_80_percent": float(np.mean([share >= 0.8 for share in found])),
        "maps_with_80_percent_low": low,
        "maps_with_80_percent_high": high,
        "chance": float(np.mean(boxes)),
        "attainable": float(np.mean([min(1.0, box / TOP) for box in boxes])),
    }


def measure_time(encoder: Encoder, pair: Pair, centre: Floats) -> dict[str, float]:
    """Seconds of one explanation; CPU seconds beside, for a machine that does other work too."""
    walls, works = [], []
    for _ in range(6):
        wall, work = time.perf_counter(), time.process_time()
        explain(*pair, encoder, centre=centre)
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - work)
    return {
        "first_seconds": walls[0],
        "seconds": float(np.median(walls[1:])),
        "cpu_seconds": float(np.median(works[1:])),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=Path)
    parser.add_argument("--demo", type=Path)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    args = parser.parse_args()
    places = {"cells encoder": args.cells}
    if args.demo is not None:
        places |= {f"demo {dims}D": args.demo / f"runs/{dims}d/encoder" for dims in (2, 3)}

    kept = RESULTS / "explanation.json"
    figures = json.loads(kept.read_text(encoding="utf-8"))["figures"] if kept.is_file() else {}
    for name in [*REAL, *PHANTOMS]:
        place = places.get(name.partition(", ")[2], name.partition(", ")[2])
        if args.only not in name or place is None or str(place).startswith("demo"):
            continue
        encoder = load_encoder(place)
        if name in REAL:
            folder, conditions = REAL[name]
            figures[name] = measure_real(encoder, folder, conditions, args.pairs)
        else:
            figures[name] = measure_phantoms(encoder, args.pairs // 2)
        figures[name]["date"] = datetime.now(UTC).date().isoformat()
        print(name, figures[name], flush=True)
        rows = [row for row in (*REAL, *PHANTOMS) if row in figures]
        write_result("explanation", {row: figures[row] for row in rows})


if __name__ == "__main__":
    main()
