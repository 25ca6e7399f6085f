"""The columns of a run's tables: one list, from which all three formats are written.

`results.csv`, `results.jsonl` and `results.parquet` have these columns in this order, with these
types, however many rows there are. The list only grows; a column whose meaning changes makes a new
version. docs/scoring.md explains it to whoever reads the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 2
Kind = Literal["text", "whole", "real", "yes or no"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: in all three formats.
        kind: of its values; any of them may be absent.
        meaning: one sentence.
    """

    name: str
    kind: Kind
    meaning: str


COLUMNS = (
    Column("schema_version", "whole", "version of this list"),
    Column("outcome", "text", "scored, skipped or failed"),
    Column("code", "text", "stable word for why it was not scored"),
    Column("message", "text", "why it was not scored, and what to do; no file is named"),
    Column("query", "text", "name of the series, as in manifest.csv; says nothing about whose"),
    Column("series_uid", "text", "DICOM SeriesInstanceUID"),
    Column("query_hash", "text", "sha256 of the pixels and their geometry"),
    Column("query_patient_id", "text", "the patient, hashed with the bank's salt"),
    Column("rank", "whole", "of the match, from 1"),
    Column("case_id", "text", "of the match"),
    Column("condition", "text", "of the match"),
    Column("patient_id", "text", "of the match, hashed"),
    Column("distance", "real", "to the match; lower = closer"),
    Column("probability", "real", "that both share a condition, where it is known"),
    Column("probability_reason", "text", "why there is no probability"),
    Column("verdict", "text", "nearest, none of these, out of scope or undecided"),
    Column("verdict_condition", "text", "the nearest condition, where the verdict is nearest"),
    Column("verdict_text", "text", "the verdict as a sentence"),
    Column("threshold", "real", "beyond which the verdict is none of these"),
    Column("threshold_source", "text", "where the threshold comes from, or why there is none"),
    Column("metric", "text", "of the distances"),
    Column("rule", "text", "what ranks the conditions"),
    Column("k", "whole", "matches that were asked for"),
    Column("encoder_fingerprint", "text", "sha256 of the encoder"),
    Column("bank_name", "text", "which bank answered"),
    Column("bank_version", "whole", "and in which version"),
    Column("created", "text", "when it was compared: UTC, ISO 8601"),
    Column("medsiam_version", "text", "of the program that compared it"),
    Column("notes", "text", "what belongs to the answer, in sentences"),
    Column("research_use", "text", "what this is not"),
    Column("n_further_cases", "whole", "of the match's patient, none of them nearer"),
    Column("condition_set", "text", "conditions that cannot be ruled out"),
    Column("maybe_same_patient", "text", "cases left out as perhaps the query's own"),
    Column("counter_example_case_id", "text", "nearest case against the leading condition"),
    Column("hangs_on_one_case", "yes or no", "whether another would lead without one case"),
    Column("verdict_distance", "real", "what is held against the threshold"),
    Column("verdict_measure", "text", "which distance that is"),
    Column("runtime", "text", "what ran the encoder: torch, openvino or openvino-bf16"),
)
NAMES = tuple(column.name for column in COLUMNS)

MANIFEST_COLUMNS = ("path", "series", "outcome", "code", "message")


def full_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with every column, in order.

    Raises:
        ValueError: a column that the schema does not know.
    """
    unknown = row.keys() - set(NAMES)
    if unknown:
        raise ValueError(f"columns that are not in the schema: {', '.join(sorted(unknown))}")
    return {name: row.get(name) for name in NAMES}


def parquet_schema() -> pa.Schema:
    """The schema of `results.parquet`; the meaning of each column travels with it."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "whole": pa.int64(),
        "real": pa.float64(),
        "yes or no": pa.bool_(),
    }
    fields = [
        pa.field(column.name, types[column.kind], metadata={"meaning": column.meaning})
        for column in COLUMNS
    ]
    return pa.schema(fields, metadata={"medsiam_schema_version": str(SCHEMA_VERSION)})
