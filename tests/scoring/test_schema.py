from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.reports.table import COLUMNS as ANSWER_COLUMNS
from medsiam.scoring import COLUMNS
from medsiam.scoring.schema import MANIFEST_COLUMNS, NAMES, SCHEMA_VERSION, full_row, parquet_schema

FIRST = """
schema_version outcome code message query series_uid query_hash query_patient_id rank case_id
condition patient_id distance probability probability_reason verdict verdict_condition verdict_text
threshold threshold_source metric rule k encoder_fingerprint bank_name bank_version created
medsiam_version notes research_use n_further_cases condition_set maybe_same_patient
counter_example_case_id hangs_on_one_case verdict_distance verdict_measure
"""
DOCS = Path(__file__).parents[2] / "docs" / "scoring.md"


def test_it_holds_all_that_an_answer_says():
    assert set(ANSWER_COLUMNS) < set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


def test_a_column_once_written_stays():
    """The list of version 2: it may grow at its end, and nothing else."""
    first = tuple(FIRST.split())
    assert NAMES[: len(first)] == first
    assert SCHEMA_VERSION == 2


def test_every_column_is_documented_with_its_type():
    text = DOCS.read_text(encoding="utf-8")
    for column in COLUMNS:
        assert f"| `{column.name}` | {column.kind} | {column.meaning} |" in text
    for name in MANIFEST_COLUMNS:
        assert f"`{name}`" in text


def test_a_row_has_every_column_in_order_and_no_other():
    assert list(full_row({"k": 5})) == list(NAMES)
    with pytest.raises(ValueError, match="surprise"):
        full_row({"surprise": 1})


def test_types_are_those_of_parquet():
    schema = parquet_schema()
    assert schema.names == list(NAMES)
    kinds = {name: str(schema.field(name).type) for name in ("k", "distance", "query")}
    assert kinds == {"k": "int64", "distance": "double", "query": "string"}
    assert str(schema.field("hangs_on_one_case").type) == "bool"
