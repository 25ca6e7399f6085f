"""The query's patient is used and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.comparison.query import query_facts, query_patient
from medsiam.errors import UsageError
from tests.comparison.stub_bank import make_scan


def test_patient_as_given_else_as_the_scans_say():
    named = make_scan(patient_id=" P-17 ")
    assert query_patient([named], "P-99 ") == "P-99"
    assert query_patient([named, make_scan()], None) == "P-17"
    assert query_patient([named], "  ") == "P-17"
    assert query_patient([make_scan(), make_scan(patient_id=" ")], None) is None


def test_scans_of_different_patients_are_no_query():
    scans = [make_scan(patient_id="SECRET-1"), make_scan(patient_id="SECRET-2")]
    with pytest.raises(UsageError, match="different patients") as caught:
        query_patient(scans, None)
    assert "SECRET" not in str(caught.value)
    assert query_patient(scans, "SECRET-1") == "SECRET-1"


def facts(*scans, patient_id=None):
    return query_facts(scans, patient="abc", patient_id=patient_id)


def test_facts_are_those_of_the_scans():
    files = tuple(Path(f"/data/series_7/{i}.dcm") for i in range(3))
    first = make_scan(sources=files, modality="CT", spacing=(0.5, 0.5), warnings=("odd",))
    second = make_scan(sources=(Path("/data/late.dcm"),), body_part="HEART", series_uid="1.2")
    found = facts(first, second)
    assert found.sources == (*map(str, files), "/data/late.dcm")
    assert found.name == "series_7 + late.dcm"
    assert found.content_hashes == (first.content_hash, second.content_hash)
    assert (found.modality, found.body_part) == ("CT", "HEART")
    assert (found.spatial_shape, found.spacing) == ((8, 6), (0.5, 0.5))
    assert found.series_uid is None  # of the first scan
    assert found.warnings == ("odd",)
    assert facts(make_scan()).name == "scan in memory"


def test_the_identifier_is_blotted_out_of_name_and_warnings():
    scan = make_scan(
        patient_id="Doe.17",
        sources=(Path("/data/DOE.17_axial.dcm"),),
        warnings=("patient Doe.17 has two ages", "Doe.175 and Doex17 are others"),
    )
    found = facts(scan, patient_id="H-204")
    assert found.name == "[patient]_axial.dcm"
    assert found.warnings == ("patient [patient] has two ages", "Doe.175 and Doex17 are others")
    assert (
        facts(make_scan(sources=(Path("H-204.png"),)), patient_id="H-204").name == "[patient].png"
    )


def test_a_short_number_is_no_identifier():
    scan = make_scan(sources=(Path("slice_7.png"),))
    assert facts(scan, patient_id="7").name == "slice_7.png"


def test_a_file_name_that_is_no_text_can_be_written():
    scan = make_scan(sources=(Path("odd_\udcff.png"),))
    assert facts(scan).name.encode("utf-8") == rb"odd_\xff.png"
