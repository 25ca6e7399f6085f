from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medsiam.cases import read_case_table
from medsiam.encoders import export_openvino, measurable_runtimes, measure_parity
from medsiam.encoders.parity import compare_embeddings
from medsiam.errors import UsageError
from tests.encoders.exporting import whitened, write_cases


def by_loops(plain, other, subjects):
    """The two figures, scan by scan."""
    same, pairs = [], []
    for i, name in enumerate(subjects):
        strangers = [j for j in range(len(subjects)) if subjects[j] != name]
        pairs += [np.linalg.norm(plain[i] - plain[j]) for j in strangers]
        before = min(strangers, key=lambda j: np.linalg.norm(plain[i] - plain[j]))
        after = min(strangers, key=lambda j: np.linalg.norm(other[i] - plain[j]))
        same.append(before == after)
    moved = max(np.linalg.norm(a - b) for a, b in zip(plain, other, strict=True))
    return np.mean(same), moved / np.median(pairs)


def test_figures_are_those_of_plain_loops():
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(40, 6)).astype(np.float32)
    other = plain + 0.5 * rng.normal(size=plain.shape).astype(np.float32)
    subjects = [f"p{n // 2}" for n in range(40)]
    same, drift = compare_embeddings(plain, other, subjects)
    known_same, known_drift = by_loops(plain, other, subjects)
    assert 0.2 < known_same < 0.95
    assert same == pytest.approx(known_same)
    assert drift == pytest.approx(known_drift, rel=1e-5)


def test_cosine_would_hide_what_neighbours_show():
    rng = np.random.default_rng(0)
    # Embeddings of a network that was hardly trained: all in one narrow cone.
    plain = (1 + 1e-3 * rng.normal(size=(60, 8))).astype(np.float32)
    other = plain + 1e-3 * rng.normal(size=plain.shape).astype(np.float32)
    assert cdist(plain, other, "cosine").diagonal().max() < 1e-5
    same, drift = compare_embeddings(plain, other, np.arange(60))
    assert same < 0.8
    assert drift > 0.3


@pytest.fixture
def table(tmp_path):
    path = write_cases(tmp_path, 8)
    (tmp_path / "torn.png").write_bytes(b"torn")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "torn.png,c0,p9", *lines[3:]]) + "\n")
    return read_case_table(path)


def test_every_runtime_is_measured_on_what_can_be_read(table):
    encoder = whitened(2)
    calls = []
    found = measure_parity(
        table.rows,
        encoder.on("openvino", export_openvino(encoder)),
        measured_on="cases.csv",
        advance=lambda: calls.append(None),
    )
    assert [one.runtime for one in found] == [*measurable_runtimes()]
    assert len(calls) == 9 * (1 + len(found))
    assert {one.n_scans for one in found} == {8}
    full = found[0]
    assert (full.runtime, full.same_neighbour) == ("openvino", 1.0)
    assert full.drift < 1e-4
    assert all(one.drift > 100 * full.drift for one in found[1:])


def test_one_patient_is_too_few(table):
    encoder = whitened(2)
    with pytest.raises(UsageError, match="scans of two patients are needed"):
        measure_parity(
            table.rows[:1], encoder.on("openvino", export_openvino(encoder)), measured_on="c.csv"
        )
