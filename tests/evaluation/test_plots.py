"""Plots are SVG by themselves, the same each time, and leave matplotlib as it was."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from medsiam.evaluation import FewShot, plots
from medsiam.evaluation.embedding_map import EmbeddingMap


def shot(n_shot=5):
    return FewShot(
        n_shot=n_shot,
        n_way=2,
        accuracy=0.7,
        low=0.6,
        high=0.8,
        chance=0.5,
        majority=0.5,
        n_subjects=20,
        n_episodes=10,
        by_condition={"LAM": 0.8, "PAP & <b>": 0.6},
        left_out={},
        intervals={"LAM": (0.7, 0.9), "PAP & <b>": (0.5, 0.7)},
        confusion={
            "LAM": {"LAM": 0.8, "PAP & <b>": 0.2},
            "PAP & <b>": {"LAM": 0.4, "PAP & <b>": 0.6},
        },
    )


RNG = np.random.default_rng(0)
POINTS = EmbeddingMap(RNG.normal(size=(12, 2)), np.arange(12), "PCA")
DRAWN = {
    "curve": lambda: plots.few_shot_curve({"mine": [shot(1), shot(5)], "other": [shot(1)]}),
    "bars": lambda: plots.condition_bars(shot()),
    "confusion": lambda: plots.confusion_map(shot()),
    "map": lambda: plots.scatter_map(POINTS, np.array(list("ab" * 6))),
    "histogram": lambda: plots.distance_histogram(
        np.linspace(0, 1, 40), np.arange(40) % 2 == 0, threshold=0.5, metric="cosine"
    ),
    "roc": lambda: plots.roc_curve(np.linspace(0, 1, 9), np.linspace(0, 1, 9) ** 0.5),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_svg_that_fetches_nothing(name):
    before = dict(matplotlib.rcParams)
    text = DRAWN[name]()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert not re.findall(r'href="(?!#|data:)', text)
    assert "<script" not in text
    assert text == DRAWN[name]()
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not matplotlib.pyplot.get_fignums()


def test_names_are_shown_letter_by_letter():
    svg = plots.few_shot_curve({"$x$": [shot()], "a$b\\frac$": [shot()], "_mine": [shot()]})
    for name in ("$x$", "a$b\\frac$", "_mine"):
        assert f"<!-- {name} -->" in svg or f"<!--  {name} -->" in svg
    names = np.array(["$\\bad$"] * 6 + ["_b"] * 6)
    svg = plots.scatter_map(POINTS, names)
    assert "bad" in svg
    assert "_b" in svg


def test_a_share_that_rounds_to_one_is_not_told_as_nothing():
    told = {0.0: ".00", 0.254: ".25", 0.994: ".99", 0.996: "1.00", 1.0: "1.00"}
    assert {share: plots.share_text(share) for share in told} == told
