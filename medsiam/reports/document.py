"""A comparison as one JSON document. The schema only ever grows."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medsiam.bank.review import Review
from medsiam.comparison.result import Comparison, QueryFacts
from medsiam.comparison.reviewing import of_study
from medsiam.reports.judgement import judgement_document
from medsiam.reports.review_words import review_documents
from medsiam.writing import write_atomically

SCHEMA_VERSION = 1


def comparison_document(comparison: Comparison, reviews: Sequence[Review] = ()) -> dict[str, Any]:
    """The JSON form: plain dicts, lists, texts and numbers.

    `reviews` holds what readers said about this study, of what is given.

    A value that cannot be given honestly is None, with its reason beside it: `probability` with
    `probability_reason`, `threshold` with `threshold_source`. `patient_id` is always the hash.
    """
    verdict = comparison.verdict
    return {
        "schema_version": SCHEMA_VERSION,
        "query": _query(comparison.query),
        "verdict": {
            "outcome": verdict.outcome,
            "condition": verdict.condition,
            "text": verdict.text,
            "threshold": verdict.threshold,
            "threshold_source": verdict.threshold_source,
            "value": verdict.value,
            "measure": verdict.measure,
            "known_rejected": verdict.known_rejected,
            "unknown_accepted": verdict.unknown_accepted,
            "far_off": verdict.far_off,
        },
        "conditions": [
            {
                "rank": entry.rank,
                "condition": entry.condition,
                "distance": entry.distance,
                "probability": entry.probability,
                "n_patients": entry.n_patients,
                "nearest_case_id": entry.nearest_case_id,
                "votes": entry.votes,
                "prototype_distance": entry.prototype_distance,
                "prototype_share": entry.prototype_share,
                "combined_distance": entry.combined_distance,
            }
            for entry in comparison.conditions
        ],
        "matches": [
            {
                "rank": match.rank,
                "case_id": match.case_id,
                "condition": match.condition,
                "patient_id": match.patient,
                "distance": match.distance,
                "probability": match.probability,
                "n_further_cases": match.n_further_cases,
            }
            for match in comparison.matches
        ],
        "probability_reason": comparison.probability_reason,
        **judgement_document(comparison),
        "reviews": review_documents(of_study(comparison, reviews)),
        "notes": list(comparison.notes),
        "metric": comparison.metric,
        "settings": {
            "metric": comparison.metric,
            "rule": comparison.rule,
            "k": comparison.k,
        },
        "encoder_name": comparison.encoder_name,
        "encoder_fingerprint": comparison.encoder_fingerprint,
        "bank_name": comparison.bank_name,
        "bank_version": comparison.bank_version,
        "n_cases": comparison.n_cases,
        "n_same_patient": comparison.n_same_patient,
        "runtime": comparison.runtime,
        "created": comparison.created,
        "medsiam_version": comparison.medsiam_version,
        "research_use": comparison.research_use,
    }


def write_json(comparison: Comparison, path: Path | str, *, reviews: Sequence[Review] = ()) -> None:
    """Write the document as a UTF-8 file, whole or not at all.

    Raises:
        OutputError: where the file cannot be written.
    """
    document = comparison_document(comparison, reviews)
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")


def query_path(query: QueryFacts) -> str | None:
    """The query's file, or the folder that holds all of its files, in characters that print.

    None for a scan that came from no file.
    """
    files = query.sources
    if not files:
        return None
    path = files[0] if len(files) == 1 else os.path.commonpath([Path(f).parent for f in files])
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _query(query: QueryFacts) -> dict[str, Any]:
    return {
        "name": query.name,
        "path": query_path(query),
        "n_files": len(query.sources),
        "content_hashes": list(query.content_hashes),
        "patient_id": query.patient,
        "modality": query.modality,
        "body_part": query.body_part,
        "spatial_shape": list(query.spatial_shape),
        "spacing": None if query.spacing is None else list(query.spacing),
        "orientation": query.orientation,
        "series_uid": query.series_uid,
        "study_uid": query.study_uid,
        "warnings": list(query.warnings),
    }
