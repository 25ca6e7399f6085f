"""Figures are checked when they are made: no mean of nothing leaves the library."""

from __future__ import annotations

import dataclasses

import pytest

from medsiam.evaluation import FewShot, Figure, PairAuc

FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6, "chance": 0.3}


@pytest.mark.parametrize("name", ["value", "low", "high", "chance"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_figure_outside_of_0_to_1_is_refused(name, bad):
    figures = FIGURE | {name: bad}
    with pytest.raises(ValueError, match="within 0 and 1"):
        Figure(**figures, majority=None, n_queries=1, n_subjects=1)
    with pytest.raises(ValueError, match="within 0 and 1"):
        PairAuc(**figures, n_same=1, n_different=1)
    figures["accuracy"] = figures.pop("value")
    with pytest.raises(ValueError, match="within 0 and 1"):
        FewShot(
            **figures,
            majority=0.5,
            n_shot=1,
            n_way=2,
            n_subjects=2,
            n_episodes=1,
            by_condition={},
            left_out={},
        )


def test_results_are_frozen():
    figure = Figure(**FIGURE, majority=None, n_queries=1, n_subjects=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        figure.value = 1.0
