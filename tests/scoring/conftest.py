from __future__ import annotations

import csv

import pytest

from medsiam.scans import index_folder
from medsiam.scoring import Limits, Question, run_scoring

TWO = Limits(workers=2)


@pytest.fixture(scope="module")
def finished(phantom_bank, incoming, tmp_path_factory):
    """The output of one whole run with two matches per series, and what was told of it."""
    out = tmp_path_factory.mktemp("finished") / "out"
    told = []
    run_scoring(
        index_folder(incoming),
        phantom_bank,
        out,
        Question(k=2),
        limits=TWO,
        seen=lambda part, known: told.append((part, known)),
    )
    return out, told


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
