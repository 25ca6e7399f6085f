from __future__ import annotations

import pytest

from medsiam.comparison import calibrate
from medsiam.errors import OutputError
from medsiam.reports import write_calibration_page
from medsiam.reports.calibration_page import calibration_page
from tests.comparison.stub_bank import ring_bank


def test_page_holds_table_sentences_and_plot(tmp_path):
    found = calibrate(ring_bank(30, conditions=("A", "B<b>", "C")))
    path = tmp_path / "page.html"
    write_calibration_page(found, "bank & <co>", path)
    html = path.read_text()
    assert "bank &amp; &lt;co&gt;" in html
    assert html.count("<circle") == len(found.of(found.metric).probabilities.reliability.bins)
    assert "Research use only" in html
    assert "<script" not in html
    assert "http-equiv" in html


def test_without_probabilities_there_is_no_plot(tmp_path):
    found = calibrate(ring_bank(12))
    assert "<svg" not in calibration_page(found, "small")
    with pytest.raises(OutputError):
        write_calibration_page(found, "small", tmp_path)
