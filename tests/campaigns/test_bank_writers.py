from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_two_writers_lose_nothing_and_four_readers_see_whole_versions():
    words = [sys.executable, "-m", "tests.campaigns.bank_writers", "--adds", "10", "--seconds", "4"]
    run = subprocess.run(
        [*words, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    outcome = json.loads(run.stdout)
    assert outcome["cases_of_two_writers"] == 20
    assert outcome == outcome | {"lost": 0, "writers_failed": 0, "readers": 4, "not_whole": 0}
    assert outcome["reads"] >= 4
