"""Plots of an audit are SVG that fetches nothing, and the same each time."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from medsiam.evaluation.audit import plots
from tests.evaluation.audit.samples import examined

AUDIT = examined()
DRAWN = {
    "bars": lambda: plots.accuracy_bars(AUDIT.accuracy, rule="nearest"),
    "curves": lambda: plots.learning_lines(AUDIT.learning_curves),
    "no curves": lambda: plots.learning_lines([]),
    "hubs": lambda: plots.occurrence_histogram(AUDIT.hubs),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_svg(name):
    text = DRAWN[name]()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert not re.findall(r'href="(?!#|data:)', text)
    assert text == DRAWN[name]()
