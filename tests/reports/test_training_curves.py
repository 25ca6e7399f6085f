"""The page of a run: its figures, nothing fetched, nothing unescaped."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from medsiam.reports.training_curves import draw_curves, training_page, write_training_page

CARD = {
    "name": "a<b",
    "fingerprint": "0123456789abcdef",
    "created": "2026-01-01",
    "notes": None,
    "conditions_seen": ["x", "y"],
    "training_data": [
        {"name": "set", "licence": "CC0-1.0", "n_scans": 4, "n_patients": 2, "source": None}
    ],
    "metrics": [
        {
            "name": "P@1",
            "value": 0.75,
            "low": 0.6,
            "high": 0.9,
            "n": 8,
            "unit_of_n": "patients",
            "chance": 0.5,
            "majority": 0.5,
            "measured_on": "validation",
        }
    ],
}
EPOCHS = [
    {"epoch": e, "loss": 1 / e, "learning_rate": 0.1, "validation_score": s}
    for e, s in ((1, 0.5), (2, 0.75), (3, 0.75), (4, 0.6))
]


def test_the_curves_are_an_svg_and_mark_the_kept_epoch():
    svg = draw_curves(EPOCHS)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert draw_curves(EPOCHS[:1])
    assert draw_curves([{"epoch": 1, "loss": 0.5, "learning_rate": 0.1}])  # pretraining only


def test_the_page_tells_figures_with_chance_and_fetches_nothing():
    page = training_page(CARD, EPOCHS)
    assert "0.750 [0.60, 0.90], 8 patients; chance 0.5; majority 0.5" in page
    assert "a&lt;b" in page
    assert "a<b" not in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons.org", "")
    assert "<script" not in page
    assert "Research use only" in page


def test_of_many_conditions_the_first_are_named():
    page = training_page(CARD | {"conditions_seen": [f"c{i}" for i in range(40)]}, EPOCHS)
    assert "40: c0, c1" in page
    assert "c29 and 10 more, on the card" in page
    words = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)  # drawings have random names
    assert "c29" in words
    assert "c30" not in words
    assert "2: x, y<" in training_page(CARD, EPOCHS)


def test_a_chance_below_a_hundredth_is_not_told_as_none():
    rare = CARD["metrics"][0] | {"chance": 0.00264, "majority": 0.00264}
    page = training_page(CARD | {"metrics": [rare]}, EPOCHS)
    assert "chance 0.00264; majority 0.00264" in page


@pytest.mark.parametrize("trained", [True, False])
def test_the_page_is_made_from_the_run_folder(tmp_path, trained):
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "card.json").write_text(json.dumps(CARD))
    if trained:
        lines = "".join(json.dumps(epoch) + "\n" for epoch in EPOCHS)
        (tmp_path / "metrics.jsonl").write_text(lines)
    write_training_page(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert ("<svg" in page) == trained
    assert ("Nothing was trained" in page) != trained
