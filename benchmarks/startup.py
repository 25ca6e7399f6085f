"""Claim: `medsiam --help` answers in at most 0.3 s and loads neither torch nor monai.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from machine import write_result

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "medsiam --help": ["-m", "medsiam", "--help"],
    "import medsiam": ["-c", "import medsiam"],
    "import torch": ["-c", "import torch"],
}
ROUNDS = 11


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):  # interleaved, so that a busy moment hits all alike
        for name, words in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    figures = {
        name: {"median": statistics.median(v), "min": min(v), "max": max(v), "rounds": ROUNDS}
        for name, v in seconds.items()
    }
    for name, figure in figures.items():
        print(f"{name:18} {figure['median']:.3f} s ({figure['min']:.3f} to {figure['max']:.3f})")
    write_result("startup", figures)


if __name__ == "__main__":
    main()
