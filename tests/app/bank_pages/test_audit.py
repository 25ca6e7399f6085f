from __future__ import annotations

import json

import pytest

from bank_pages.audit import finding_rows
from medsiam import ReferenceBank
from medsiam.evaluation import audit_bank, audit_metric, list_findings
from tests.app.conftest import encoder, scan_2d, text_of


def script():
    from bank_pages.audit import audit_tab
    from shell.open_bank import the_bank

    audit_tab(the_bank())


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """One patient's picture filed under another, one case without proof."""
    made = ReferenceBank.create(tmp_path_factory.mktemp("audit") / "b", encoder(2))
    for number, condition in enumerate(("along", "across", "slanted")):
        for patient in range(4):
            made.add(
                scan_2d(condition, 10 * number + patient),
                case_id=f"{condition}-{patient}",
                condition=condition,
                patient_id=f"SECRET-{condition}-{patient}",
                proof="none" if (number, patient) == (0, 0) else "histology",
                licence="CC0",
            )
    copied = made.scans("across-1")[0].array + 10
    twin = type(scan_2d("across", 1))(copied, 2, spacing=(0.5, 0.5), modality="CR")
    made.add(twin, case_id="twin", condition="across", patient_id="SECRET-x", proof="histology")
    return made


def audited(start, bank):
    app = start(bank, script=script)
    button = next(one for one in app.button if one.label == "Audit this version")
    return app if button.disabled else button.click().run()


def test_nothing_is_run_before_it_is_asked_for(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert "Not audited yet" in text_of(app)


def test_every_finding_of_the_library_is_said_with_its_cases(start, bank):
    version, before = bank.version, sorted(path.name for path in bank.path.rglob("*"))
    app = audited(start, bank)
    assert not app.exception
    expected = list_findings(audit_bank(bank.snapshot(), metric=audit_metric(bank)))
    said = text_of(app).replace("\\", "")
    assert f"{len(expected)} findings" in said
    for finding in expected:
        assert finding.text[1:] in said
        assert finding.advice[1:] in said
    assert any("show the same picture" in finding.text for finding in expected)
    strips = [one.value for one in app.get("html") if "<figure" in one.value]
    assert any("twin" in strip and "across-1" in strip for strip in strips)
    assert "SECRET" not in said + str(app)
    after = sorted(
        path.name for path in bank.path.rglob("*") if not path.name.endswith(("-wal", "-shm"))
    )
    assert (bank.version, after) == (
        version,
        [n for n in before if not n.endswith(("-wal", "-shm"))],
    )


def test_the_table_holds_all_findings(start, bank):
    found = list_findings(audit_bank(bank.snapshot(), metric=audit_metric(bank)))
    app = audited(start, bank)
    table = app.dataframe[-1].value
    assert list(table["what was found"]) == [finding.text for finding in found]
    assert finding_rows(found)[0]["how bad"] == found[0].severity


def test_it_is_kept_for_the_version_and_not_for_the_next(start, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    for i in range(4):
        bank.add(scan_2d("along", i), case_id=f"c{i}", condition="ab"[i % 2], patient_id=f"p{i}")
    assert "findings" in text_of(audited(start, bank))
    again = start(bank, script=script)
    assert "findings" in text_of(again)
    bank.remove("c3")
    assert "Not audited yet" in text_of(start(bank, script=script))


def test_where_no_label_stands_out_the_page_says_so(start, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    for i in range(4):
        bank.add(scan_2d("along", i), case_id=f"c{i}", condition="one", patient_id=f"p{i}")
    assert audit_bank(bank.snapshot()).label_conflicts == ()
    app = audited(start, bank)
    assert not app.exception
    assert "No label stands out" in text_of(app)


def test_too_few_patients_are_a_sentence(start, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    bank.add(scan_2d("along", 1), case_id="x", condition="a")
    app = audited(start, bank)
    assert not app.exception
    assert "at least two" in app.error[0].value


def test_both_files_can_be_taken_along(start, bank):
    from medsiam.evaluation import audit_document

    app = audited(start, bank)
    assert [one.label for one in app.get("download_button")] == [
        "Report (HTML)",
        "Everything (JSON)",
    ]
    document = audit_document(audit_bank(bank.snapshot(), metric=audit_metric(bank)))
    assert "Not a medical device" in json.dumps(document)
