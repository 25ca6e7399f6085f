"""What a comparison says beside its ranking, as plain data: evidence, set, calibration, pool."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from medsiam.comparison.result import Comparison, Match


def judgement_document(comparison: Comparison) -> dict[str, Any]:
    """Keys that join the JSON document; a part that was not made is None."""
    held, evidence = comparison.condition_set, comparison.evidence
    calibration, pool = comparison.calibration, comparison.normal_pool
    return {
        "condition_set": None
        if held is None
        else {
            "level": held.level,
            "conditions": None if held.conditions is None else list(held.conditions),
            "n_calibration_patients": held.n_patients,
            "reason": held.reason,
        },
        "evidence": None
        if evidence is None
        else {
            "condition": evidence.condition,
            "n_patients": evidence.n_patients,
            "hangs_on_one_case": evidence.hangs_on_one_case,
            "deciding_case_ids": list(evidence.deciding_case_ids),
            "distance_range": _listed(evidence.distance_range),
            "probability_range": _listed(evidence.probability_range),
        },
        "counter_example": None
        if evidence is None or evidence.counter_example is None
        else asdict(evidence.counter_example),
        "maybe_same_patient": [_match(match) for match in comparison.maybe_same_patient],
        "calibration": None if calibration is None else asdict(calibration),
        "normal_pool": None if pool is None else asdict(pool),
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        "case_id": match.case_id,
        "condition": match.condition,
        "patient_id": match.patient,
        "distance": match.distance,
    }


def _listed(values: tuple[float, float] | None) -> list[float] | None:
    return None if values is None else list(values)
