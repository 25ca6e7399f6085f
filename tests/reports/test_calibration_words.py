from __future__ import annotations

from medsiam.comparison import calibrate
from medsiam.reports import calibration_rows, calibration_sentences
from tests.comparison.stub_bank import ring_bank


def test_rows_mark_what_is_recommended():
    found = calibrate(ring_bank(30, conditions=("A", "B", "C")))
    header, rows = calibration_rows(found)
    assert all(len(row) == len(header) for row in rows)
    assert [row[0] for row in rows if row[0].endswith("*")] == [f"{found.metric}*"]
    text = " ".join(calibration_sentences(found))
    assert f"Recommended: metric {found.metric}" in text
    assert "of 30 patients whose condition the bank holds" in text
    assert "chance is 0.33" in text
    assert "Research use only" in text


def test_nothing_is_promised_where_nobody_can_be_asked():
    text = " ".join(calibration_sentences(calibrate(ring_bank(12, conditions=("A",)))))
    assert "Only how far off a scan lies was measured on this bank, since it holds one" in text
    assert "Recommended" not in text


def test_a_small_bank_says_what_is_missing():
    found = calibrate(ring_bank(12))
    text = " ".join(calibration_sentences(found))
    assert "No probability is shown: 12 patients" in text
    assert "How often 'none of these' errs is not known" in text
    assert calibration_rows(found)[1][0][2] == "-"
