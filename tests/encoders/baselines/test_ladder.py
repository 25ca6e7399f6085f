"""All baselines of one table; the linear steps never see a condition that is compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medsiam.cases import read_case_table
from medsiam.encoders.baselines import ladder
from medsiam.encoders.baselines.ladder import base_rows, embed_baselines
from medsiam.encoders.baselines.networks import random_encoder
from medsiam.errors import ScanError
from tests.training.shapes import write_cases


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    table = write_cases(tmp_path_factory.mktemp("shapes"), patients=5, scans=1)
    return read_case_table(table).rows


@pytest.fixture(autouse=True)
def _small_network(monkeypatch):
    """ImageNet's network is measured elsewhere; it takes seconds here."""
    monkeypatch.setattr(ladder, "imagenet_encoder", lambda dims: random_encoder(dims))


def embed(rows, evaluated):
    return embed_baselines(rows, evaluated=evaluated, random_dim=7, random_state=0)


def test_the_ladder_has_all_its_rungs(rows, monkeypatch):
    monkeypatch.setattr(ladder, "_FEWEST_BASE_ROWS", 5)
    called = []
    found = embed_baselines(
        rows,
        evaluated=("ring", "other"),
        random_dim=7,
        random_state=0,
        advance=lambda: called.append(1),
    )
    assert list(found.embeddings) == [
        ladder.RANDOM,
        ladder.PIXELS,
        ladder.GRADIENTS,
        ladder.RANDOM_NETWORK,
        ladder.IMAGENET,
        ladder.WHITENED,
        ladder.LDA,
    ]
    assert {len(values) for values in found.embeddings.values()} == {15}
    assert all(np.isfinite(values).all() for values in found.embeddings.values())
    assert len(called) == 4 * 15
    assert "fitted on 10 rows of 2 conditions" in found.notices[0]


def test_without_further_conditions_the_linear_steps_are_left_out(rows):
    found = embed(rows[:6], ("bar", "disc", "ring"))
    assert ladder.LDA not in found.embeddings
    assert "left out" in found.notices[0]


def test_base_rows_are_of_other_conditions_and_of_the_training_split(rows):
    assert [rows[i].condition for i in base_rows(rows, ("ring",))] == ["bar"] * 5 + ["disc"] * 5
    marked = [replace(row, split="train" if i % 2 else "test") for i, row in enumerate(rows)]
    assert all(i % 2 for i in base_rows(marked, ("ring",)))
    assert base_rows(rows, None) == []
    ring = next(row for row in rows if row.condition == "ring")
    shared = [replace(rows[0], patient_id=ring.patient_id, group=ring.group), *rows[1:]]
    assert base_rows(shared, ("ring",)) == base_rows(rows, ("ring",))[1:]


def test_a_scan_that_is_gone_is_said_once(rows, tmp_path):
    gone = [replace(row, path=tmp_path / "nothing.png") for row in rows]
    with pytest.raises(ScanError, match=r"15 of 15 cannot be read, first .*leave --baselines out"):
        embed(gone, None)
