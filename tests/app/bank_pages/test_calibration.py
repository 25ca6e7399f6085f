from __future__ import annotations

import shutil

import pytest

from bank_pages.calibration import reliability_rows
from medsiam import ReferenceBank
from medsiam.comparison import calibrate, newest_calibration
from medsiam.reports import calibration_rows, calibration_sentences
from tests.app.conftest import encoder, scan_2d, text_of


def script():
    from bank_pages.calibration import show_calibration
    from shell.open_bank import the_bank

    show_calibration(the_bank())


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    bank = ReferenceBank.create(tmp_path_factory.mktemp("calibrated") / "b", encoder(2))
    for number, condition in enumerate(("along", "across", "slanted")):
        for patient in range(8):
            bank.add(
                scan_2d(condition, 10 * number + patient),
                case_id=f"{condition}-{patient}",
                condition=condition,
                patient_id=f"p-{condition}-{patient}",
            )
    found = calibrate(bank)
    bank.keep_calibration(found.to_json(), bank_version=found.bank_version, who="ada")
    return bank


def test_sentences_and_table_are_the_librarys(start, calibrated):
    app = start(calibrated, script=script)
    assert not app.exception
    _, found = newest_calibration(calibrated)
    said = text_of(app).replace("\\", "")
    for sentence in calibration_sentences(found):
        assert " ".join(sentence.split()) in said
    header, rows = calibration_rows(found)
    table = app.table[0].value
    assert list(table.columns) == list(header)
    assert [cell.replace("\\", "") for cell in table["metric"]] == [row[0] for row in rows]


def test_the_reliability_plot_is_the_documents(start, calibrated):
    _, found = newest_calibration(calibrated)
    chosen = found.of(found.metric).probabilities
    rows = reliability_rows(found)
    assert [row["share that was right"] for row in rows] == [
        part.observed for part in chosen.reliability.bins
    ]
    app = start(calibrated, script=script)
    assert len(app.get("vega_lite_chart")) == 1
    assert len(app.dataframe[0].value) == len(rows)


def test_a_newer_version_is_said_to_be_not_measured(start, calibrated, tmp_path):
    bank = ReferenceBank.open(shutil.copytree(calibrated.path, tmp_path / "copy"))
    assert not start(bank, script=script).warning
    bank.add(scan_2d("along", 99), case_id="new", condition="along")
    app = start(bank, script=script)
    assert f"Measure version {bank.version}" in app.warning[0].value


def test_without_one_the_page_says_how_to_make_it(start, bank_2d):
    app = start(bank_2d, script=script)
    assert "medsiam bank calibrate" in app.info[0].value
