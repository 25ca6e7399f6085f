"""Remake the figures of docs/benchmarks.md, one script after the other.

Not among them: explanation.py and region.py, which look at a folder that `medsiam demo` has filled.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = (
    "startup.py",
    "reading.py",
    "runtimes.py",
    "few_shot.py",
    "held_out.py",
    "calibration.py",
    "comparison.py",
    "search.py",
    "postgres_bank.py",
    "same_picture.py",
    "reviews.py",
    "audit.py",
    "training_speed.py",
    "refinement.py",
    "viewer.py",
    "reading_page.py",
    "pacs.py",
    "scoring.py",
)


def main() -> None:
    for script in SCRIPTS:
        subprocess.run([sys.executable, str(Path(__file__).parent / script)], check=True)


if __name__ == "__main__":
    main()
