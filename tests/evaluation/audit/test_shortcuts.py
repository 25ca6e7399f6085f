"""A source that conditions hang on is seen; one that they do not hang on is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from medsiam.evaluation.audit.shortcuts import cramers_v, measure_shortcuts
from tests.evaluation.audit.samples import as_cases, clusters, make_snapshot


def measured(snapshot):
    found = as_cases(snapshot)
    shortcuts = measure_shortcuts(found, snapshot.cases, random_state=0)
    return {entry.column: entry for entry in shortcuts}


def test_conditions_from_one_source():
    entry = measured(clusters(8, source=["x"] * 8 + ["x", "y"] * 8))["source"]
    assert entry.only == {"LAM": "x"}
    assert entry.values == {"x": 16, "y": 8}
    assert 0.3 < entry.cramers_v < 1
    assert entry.probe.nearest.n_subjects == 24


def test_a_single_value_hides_nothing():
    entries = measured(clusters(4, site=[None] * 12))
    assert sorted(entries) == ["modality", "source"]
    assert entries["source"].probe is entries["source"].cramers_v is None
    assert entries["source"].only == {}


def test_what_is_carried_within_a_condition():
    rng = np.random.default_rng(0)
    sites = np.tile(["here", "there"], 20)
    x = rng.normal(size=(40, 5))
    blind = measured(make_snapshot(x, ["LAM", "LAM", "PAP", "PAP"] * 10, range(40), site=sites))
    figure = blind["site"].within_condition
    assert figure.low < figure.chance < figure.high
    x[::2] += 5
    seen = measured(make_snapshot(x, ["LAM", "LAM", "PAP", "PAP"] * 10, range(40), site=sites))
    assert seen["site"].within_condition.value == 1.0
    assert seen["site"].within_condition.chance == pytest.approx(9 / 19)


def test_unknown_values_are_counted_and_left_out():
    entry = measured(clusters(4, scanner=["a"] * 4 + ["b"] * 4 + [None] * 4))["scanner"]
    assert entry.n_unknown == 4
    assert entry.only == {"LAM": "a", "PAP": "b"}


def test_cramers_v_is_the_corrected_one():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 80)
    b = np.where(rng.random(80) < 0.5, a, rng.integers(0, 4, 80))
    table = np.zeros((3, 4))
    np.add.at(table, (a, b), 1)
    phi = chi2_contingency(table, correction=False).statistic / 80
    phi = max(0, phi - 2 * 3 / 79)
    expected = np.sqrt(phi / (min(3 - 4 / 79, 4 - 9 / 79) - 1))
    assert cramers_v(a, b) == pytest.approx(expected)
    assert cramers_v(a, a) == pytest.approx(1.0)
    assert cramers_v(a, np.zeros(80, dtype=int)) is None
    independent = [cramers_v(rng.integers(0, 3, 30), rng.integers(0, 3, 30)) for _ in range(50)]
    assert np.mean(independent) < 0.12
