"""Tables of the page: figures with their intervals, dashes where there is none."""

from __future__ import annotations

from medsiam.evaluation import Difference, Figure, RankChange, Robustness
from medsiam.evaluation.page_tables import difference_table, robustness_table

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
