"""What is known of a match and of the comparison, in two columns of words."""

from __future__ import annotations

from medsiam import Case, Comparison
from shell.plain_text import in_html

UNKNOWN = "not known"


def facts_html(facts: dict[str, str]) -> str:
    """Facts as a description list."""
    rows = "".join(
        f"<dt>{in_html(name)}</dt><dd>{in_html(said)}</dd>" for name, said in facts.items()
    )
    return f'<dl class="facts">{rows}</dl>'


def case_facts(case: Case) -> dict[str, str]:
    """What the bank knows of a case; its patient only as a hash."""
    facts = {
        "case": case.case_id,
        "condition": case.condition,
        "proof of the diagnosis": case.proof,
        "source": case.source or UNKNOWN,
        "licence": case.licence or UNKNOWN,
        "modality": case.modality or UNKNOWN,
        "body part": case.body_part or UNKNOWN,
        "spacing": spacing_words(case.spacing),
        "added": case.added[:10],
        "patient (hash)": short_hash(case.patient) if case.patient else "none: stands alone",
    }
    known = {
        "site": case.site,
        "scanner": case.scanner,
        "acquired": case.acquired,
        "vouched for by": case.curator,
        "pixels looked at by": case.pixels_checked_by,
    }
    facts |= {name: said for name, said in known.items() if said}
    if any(case.phases):
        facts["scans"] = ", ".join(case.phases)
    if case.notes:
        facts["notes"] = case.notes
    return facts


def query_facts(comparison: Comparison) -> dict[str, str]:
    """What is known of the query; no name and no identifier of the patient."""
    query = comparison.query
    return {
        "modality": query.modality or UNKNOWN,
        "body part": query.body_part or UNKNOWN,
        "size": " x ".join(str(n) for n in query.spatial_shape),
        "spacing": spacing_words(query.spacing),
        "orientation": query.orientation or UNKNOWN,
        "patient (hash)": short_hash(query.patient) if query.patient else UNKNOWN,
        "content (sha256)": ", ".join(short_hash(one) for one in query.content_hashes),
    }


def settings_facts(comparison: Comparison) -> dict[str, str]:
    """All that is needed to compute the comparison again."""
    limit, used = comparison.verdict.threshold, comparison.calibration
    return {
        "distance": comparison.metric,
        "conditions ranked by": comparison.rule,
        "k": str(comparison.k),
        "limit": UNKNOWN if limit is None else f"{limit:.4f}",
        "where the limit comes from": comparison.verdict.threshold_source,
        "probability": comparison.probability_reason or "given",
        "calibration": str(used.number) if used else "none",
        "bank": f"{comparison.bank_name}, version {comparison.bank_version}",
        "cases": f"{comparison.n_cases}, of the query's own patient: {comparison.n_same_patient}",
        "encoder": comparison.encoder_name,
        "encoder fingerprint": comparison.encoder_fingerprint,
        "compared": comparison.created,
        "medsiam": comparison.medsiam_version,
    }


def spacing_words(spacing: tuple[float, ...] | None) -> str:
    """Spacing in mm, or that it is not known."""
    return " x ".join(f"{mm:.3g}" for mm in spacing) + " mm" if spacing else UNKNOWN


def short_hash(text: str) -> str:
    """The first twelve characters: enough to tell cases apart by eye."""
    return text[:12]
