"""Claims: scans are embedded as fast as the fastest runtime goes, and with unchanged neighbours.

For each shipped encoder with a network, and 1 and 8 scans at a time, in interleaved rounds:

- torch eager, as a user would write it: `network(batch)` on ready tensors;
- our `embed_tensors` and `embed` (which also prepares the scans) on each runtime;
- the bare graph in OpenVINO on ready tensors, by the faster of one request after the other and an
  asynchronous queue, without what follows the graph.

Then how far each runtime is from torch on real scans (needs MEDSIAM_DATA): neighbours and drift.

    python benchmarks/runtimes.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

import numpy as np
import torch
from machine import write_result

from medsiam.cases import read_case_table
from medsiam.encoders import Encoder, Exported, export_openvino, load_encoder, measure_parity
from medsiam.encoders.openvino_package import core, openvino
from medsiam.scans.scan import Scan

# Each with the case tables of its kind of scan.
ENCODERS = {
    "default-2d": ("cxr_rare_pneumonia", "chula_rbc_cells"),
    "default-3d": ("msd_hippocampus", "acdc_cardiac_mri"),
    "cardiac-cine": ("acdc_cardiac_mri",),
}
QUICK = bool(os.environ.get("QUICK"))
MOST_SCANS = 120 if QUICK else 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5 if QUICK else 15)
    args = parser.parse_args()
    figures: dict[str, object] = {"load before": os.getloadavg()[0]}
    for name, tables in ENCODERS.items():
        encoder = load_encoder(name, runtime="torch")
        exported = export_openvino(encoder)
        figures[name] = {
            **{f"{n} scans": speed(encoder, exported, n, args.rounds) for n in (1, 8)},
            "parity": [one for table in tables for one in parity(encoder, exported, table)],
        }
        print(json.dumps({name: figures[name]}, indent=2), flush=True)
    write_result("runtimes", figures)


def speed(encoder: Encoder, exported: Exported, n: int, rounds: int) -> dict[str, object]:
    """Milliseconds per scan: medians over the rounds, and ratios of paired rounds."""
    size = encoder.recipe.spatial_size
    values = np.random.default_rng(0).random((n, *size)).astype(np.float32)
    scans = [Scan(one, spatial_dims=len(size), affine=_affine(encoder)) for one in values]
    ready = torch.from_numpy(values)[:, None].contiguous()
    full = encoder.on("openvino", exported)
    coarse = encoder.on("openvino-bf16", exported)
    ways: dict[str, Callable[[], object]] = {
        "torch eager": lambda: _eager(encoder, ready),
        "embed_tensors, torch": lambda: encoder.embed_tensors(ready),
        "embed_tensors, openvino": lambda: full.embed_tensors(ready),
        "embed_tensors, openvino-bf16": lambda: coarse.embed_tensors(ready),
        "embed, openvino": lambda: full.embed(scans),
        **_bare(exported, ready.numpy()),
    }
    for way in ways.values():
        way()
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            taken[name].append(1000 * (time.perf_counter() - start) / n)
    bare = [
        min(pair) for pair in zip(*(taken[w] for w in ways if w.startswith("bare")), strict=True)
    ]
    eager = taken["torch eager"]
    return {
        "ms per scan": {name: round(median(times), 2) for name, times in taken.items()},
        "speed against torch eager": {
            name: round(median(e / t for e, t in zip(eager, times, strict=True)), 2)
            for name, times in taken.items()
        },
        "speed against the faster bare graph": {
            name: round(median(b / t for b, t in zip(bare, taken[name], strict=True)), 3)
            for name in ("embed_tensors, openvino", "embed, openvino")
        },
    }


def _affine(encoder: Encoder) -> np.ndarray | None:
    """The encoder's own spacing, so that preparing resamples nothing."""
    spacing = encoder.recipe.spacing
    return None if spacing is None else np.diag([*spacing, 1.0])


def _eager(encoder: Encoder, batch: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return encoder.network(batch)


def _bare(exported: Exported, arrays: np.ndarray) -> dict[str, Callable[[], object]]:
    model = core().read_model(exported.graph, exported.values)

    def compiled(hint: str) -> object:
        return core().compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": hint}
        )

    request = compiled("LATENCY").create_infer_request()
    queue = openvino().AsyncInferQueue(compiled("THROUGHPUT"))

    def one_by_one() -> None:
        for place in range(len(arrays)):
            request.infer([arrays[place : place + 1]], share_inputs=True)

    def queued() -> None:
        for place in range(len(arrays)):
            queue.start_async([arrays[place : place + 1]], share_inputs=True)
        queue.wait_all()

    return {"bare graph, one by one": one_by_one, "bare graph, queue": queued}


def parity(encoder: Encoder, exported: Exported, table: str) -> list[dict[str, object]]:
    """What `medsiam export --cases` measures."""
    data = os.environ.get("MEDSIAM_DATA")
    if data is None:
        return []
    rows = read_case_table(Path(data).resolve() / table / "labels.csv").rows[:MOST_SCANS]
    found = measure_parity(rows, encoder.on("openvino", exported), measured_on=table)
    return [
        {
            "runtime": one.runtime,
            "table": table,
            "scans": one.n_scans,
            "same neighbour": round(one.same_neighbour, 4),
            "drift": float(f"{one.drift:.2g}"),
            "allowed": one.fault is None,
        }
        for one in found
    ]


if __name__ == "__main__":
    main()
