"""Kill a training run at random moments and resume it until it is done; compare the weights.

python -m tests.campaigns.training_kills [--runs 10] [--seed 0]

Each process is a real `medsiam train`, killed with SIGKILL. Needs a quarter of an hour.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from medsiam.config import dump_config
from medsiam.encoders import load_encoder
from tests.training.shapes import tiny_config, write_cases

_NOTHING_TO_DO = 3


def run(folder: Path, runs: int, seed: int) -> dict[str, int]:
    chance = random.Random(seed)
    config = folder / "run.toml"
    schedule = {"epochs": 6, "warmup_epochs": 1}
    pretraining = {"epochs": 2, "scans_per_batch": 8}
    cases = write_cases(folder / "shapes")
    dump_config(tiny_config(cases, schedule=schedule, pretraining=pretraining), config)
    started = time.monotonic()
    _train(config, folder / "whole", None)
    longest = time.monotonic() - started
    expected = load_encoder(folder / "whole" / "encoder").fingerprint
    counts = {"runs": runs, "kills": 0, "different": 0, "refused": 0}
    for number in range(runs):
        target, code = folder / f"run{number}", -9
        while code == -9:
            code = _train(config, target, chance.uniform(0.2, 1.2) * longest)
            counts["kills"] += code == -9
        # Nothing to do: it was killed between its last file and its end.
        counts["refused"] += code not in (0, _NOTHING_TO_DO)
        if code in (0, _NOTHING_TO_DO):
            counts["different"] += load_encoder(target / "encoder").fingerprint != expected
    return counts


def _train(config: Path, target: Path, seconds: float | None) -> int:
    """Begin or go on; return the exit code, -9 where it was killed."""
    command = [sys.executable, "-m", "medsiam", "train", str(config), "--resume", str(target)]
    said = target.with_suffix(".log")
    with (
        said.open("w") as log,
        subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL) as process,
    ):
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    if code not in (0, _NOTHING_TO_DO, -9):
        print(said.read_text(), file=sys.stderr)
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), args.runs, args.seed)
    print(counts)
    return int(counts["different"] + counts["refused"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
