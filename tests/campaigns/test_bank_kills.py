from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_killed_writer_leaves_the_old_or_the_new_state():
    """In a process without threads, which may fork."""
    words = [sys.executable, "-m", "tests.campaigns.bank_kills", "--kills", "15", "--seed", "5"]
    run = subprocess.run(
        [*words, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    outcome = json.loads(run.stdout)
    assert outcome["held"] >= outcome["acknowledged"] > 15
    assert outcome == outcome | {"kills": 15, "corrupt": 0, "lost": 0, "halves": 0}
