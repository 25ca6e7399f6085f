"""Tables of the page: figures with their intervals, dashes where there is none."""

from __future__ import annotations

import numpy as np

from medsiam.evaluation import (
    Difference,
    EpisodeProtocol,
    Figure,
    RankChange,
    Robustness,
    evaluate,
)
from medsiam.evaluation.page_tables import difference_table, main_table, robustness_table

FIGURE = Figure(0.75, 0.6, 0.9, 0.1, None, 20, 18)


def test_robustness_has_a_row_for_each_change():
    found = Robustness(20, FIGURE, (RankChange("noise <5 %>", FIGURE, FIGURE, FIGURE),))
    text = robustness_table(found)
    assert "noise &lt;5 %&gt;" in text
    assert text.count("0.750<small>[0.60, 0.90]</small>") == 4
    assert "P@1 (every query the same)" in text
    assert robustness_table(None) == ""


def test_differences_name_their_figure_and_p():
    found = Difference("few_shot.5", -0.1, -0.2, -0.01, 0.0002)
    text = difference_table({"other": [found]})
    assert "5-shot" in text
    assert "-0.100<small>[-0.20, -0.01]</small><small>p &lt; 0.001</small>" in text
    assert difference_table({}) == ""


def test_other_encoders_and_the_last_baselines_are_shown():
    found = [Difference("few_shot.5", -0.1, -0.2, -0.01, 0.0002)]
    names = [*(f"b{i} (baseline)" for i in range(6)), "other"]
    text = difference_table(dict.fromkeys(names, found))
    shown = ["other", *names[3:6]]
    assert [name for name in names if f"less {name}" in text] == [*names[3:6], "other"]
    assert sorted(shown, key=text.index) == shown


def test_differences_are_called_as_in_the_main_table():
    names = {
        "few_shot.1": "1-shot",
        "retrieval.precision_at_1": "P@1",
        "retrieval.mean_average_precision": "mAP",
        "verification.auc": "pair AUC",
        "open_set.auroc": "open-set AUROC",
        "verification.tar_at_far_1": "verification: tar at far 1",
    }
    assert {name: Difference(name, 0, 0, 0, 1).label for name in names} == names


def test_majority_stands_below_chance():
    rng = np.random.default_rng(0)
    found = evaluate(
        rng.normal(size=(40, 4)),
        conditions=["a"] * 30 + ["b"] * 10,
        subjects=[str(i) for i in range(40)],
        protocol=EpisodeProtocol(n_shots=(1,), n_way=2, n_episodes=20),
    )
    text = main_table({"mine": found})
    assert text.index(">chance<") < text.index(">majority<") < text.index(">mine<")
    row = text[text.index(">majority<") : text.index(">mine<")]
    assert row.count("0.50") == 2
    assert row.count(">-<") == 3
