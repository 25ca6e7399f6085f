"""Claim: few-shot accuracy on conditions the encoder never saw, beside the pixel distance.

Trains both committed configurations through the command line, embeds the whole case table,
evaluates the unseen conditions. Needs MEDSIAM_DATA.

    python benchmarks/few_shot.py [--seeds 0 1 2] [--work DIR]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from machine import write_result

ROOT = Path(__file__).parents[1]
TASKS: dict[str, dict[str, Any]] = {
    "chula_2d": {
        "cases": "chula_rbc_cells/labels.csv",
        "unseen": ["stomatocyte", "teardrop", "burr_cell"],
        "joined": False,
    },
    "acdc_3d": {
        "cases": "acdc_cardiac_mri/labels.csv",
        "unseen": ["HCM", "RV"],
        "joined": True,  # ED and ES of a patient are one case
    },
}


def medsiam(*arguments: object) -> str:
    command = [sys.executable, "-m", "medsiam", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def case_table(source: Path, joined: bool, work: Path) -> Path:
    """The data set's table; with `case_id` = patient where the phases are to be joined."""
    with source.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["path"] = str(source.parent / row["path"])
        row.pop("mask_path", None)
        if joined:
            row["case_id"] = row["patient_id"]
    path = work / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def measure(name: str, task: dict[str, Any], seed: int, work: Path) -> dict[str, Any]:
    work.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ["MEDSIAM_DATA"]).resolve()
    cases = case_table(data / task["cases"], task["joined"], work)
    config = ROOT / "configs" / "training" / f"{name}.toml"
    run = work / "run"
    start = time.monotonic()
    if not run.exists():
        medsiam("train", config, f"run.seed={seed}", "--out", run)
    seconds = time.monotonic() - start
    medsiam("embed", cases, "--encoder", run / "encoder", "--out", work / "emb.npz")
    chosen = [word for condition in task["unseen"] for word in ("--condition", condition)]
    answer = medsiam(
        "evaluate", work / "emb.npz", "--cases", cases, *chosen, "--baselines", "--json"
    )
    return {"task": name, "seed": seed, "training_seconds": seconds, **json.loads(answer)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark"))
    args = parser.parse_args()
    figures = [
        measure(name, task, seed, args.work / f"{name}_{seed}")
        for name, task in TASKS.items()
        for seed in args.seeds
    ]
    print(json.dumps(figures, indent=2))
    print(f"written: {write_result('few_shot', figures)}", file=sys.stderr)


if __name__ == "__main__":
    main()
