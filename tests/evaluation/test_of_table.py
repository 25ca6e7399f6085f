"""From a table's rows to figures: filter, patients joined, the source probe over all rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsiam.cases import CaseRow
from medsiam.errors import UsageError
from medsiam.evaluation import EpisodeProtocol, evaluate_rows


def table(n=10):
    """n patients of each of three conditions, two phases, two views, two sites."""
    rows = []
    for condition in "abc":
        for patient in range(n):
            for phase in ("ES", "ED"):
                path = f"{condition}{patient}_{phase}"
                extra = (("phase", phase), ("view", "side" if patient == 0 else "front"))
                rows.append(
                    CaseRow(
                        row=len(rows) + 2,
                        path=Path(path),
                        path_text=path,
                        condition=condition,
                        case_id=path,
                        patient_id=f"SECRET{condition}{patient}",
                        source="x" if condition == "c" else "y",
                        extra=extra,
                    )
                )
    x = np.random.default_rng(0).normal(size=(len(rows), 3)).astype(np.float32)
    return rows, [row.path_text for row in rows], x


def run(rows, paths, x, **settings):
    protocol = EpisodeProtocol(**{"n_shots": (1, 2), "n_episodes": 30, **settings})
    return evaluate_rows(rows, paths, x, protocol=protocol)


def test_a_filter_and_a_join():
    found = run(
        *table(), conditions=("a", "b"), join="patient_id", filter={"view": "front"}, slices=()
    )
    counts = [(c.condition, c.n_scans, c.n_cases) for c in found.evaluation.counts]
    assert counts == [("a", 18, 9), ("b", 18, 9)]
    assert found.items.embeddings.shape == (18, 6)
    assert found.items.paths[0] == ("a1_ED", "a1_ES")
    # The chosen rows are of one source; the probe saw all rows.
    assert found.evaluation.source_probe.n_sources == 2
    assert found.evaluation.source_probe.nearest.n_queries == 60


def test_columns_of_the_table_are_slices():
    found = run(*table(), slices=("view",))
    named = {(entry.column, entry.name): entry for entry in found.evaluation.slices}
    assert named["view", "front"].n_subjects == 27
    assert named["view", "side"].precision_at_1 is None


def test_a_value_that_no_row_has_is_named():
    with pytest.raises(UsageError, match="no row has the view 'frnt'; did you mean front"):
        run(*table(), filter={"view": "frnt"})
    with pytest.raises(UsageError, match="column 'veiw'; did you mean view"):
        run(*table(), filter={"veiw": "front"})
    with pytest.raises(UsageError, match="column 'veiw'; did you mean view"):
        run(*table(), slices=("veiw",))
    with pytest.raises(UsageError, match="column 'sorce'"):
        run(*table(), source_column="sorce")
