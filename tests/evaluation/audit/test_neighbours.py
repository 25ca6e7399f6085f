"""Every patient counts once, by the nearest of his cases."""

from __future__ import annotations

import numpy as np

from medsiam.comparison.matching import nearest_of_each_patient, rank_by_distance
from medsiam.evaluation.audit.neighbours import find_neighbours
from tests.evaluation.audit.samples import as_cases, shared_patients


def test_they_are_those_of_a_comparison():
    found = as_cases(shared_patients())
    neighbours = find_neighbours(found)
    for row, distances in enumerate(found.distances):
        others = np.flatnonzero(np.isfinite(distances))
        order = others[rank_by_distance(distances[others], found.case_ids[others])]
        expected = nearest_of_each_patient(order, found.patients)
        known = neighbours.cases[row] >= 0
        assert neighbours.cases[row][known].tolist() == expected.tolist()
        assert (neighbours.patients[row][known] == found.patients[expected]).all()
        assert (neighbours.labels[row][known] == found.labels[expected]).all()
        assert (neighbours.patients[row][~known] == -1).all()
