"""Records as rows of the tables, and back; what is read is held against its checksum first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row

from medsiam.bank import schema
from medsiam.bank.case import Case
from medsiam.bank.store import BankFacts, CaseRecord, ScanFacts, Version
from medsiam.errors import BankError

Values = dict[str, Any]


def facts_to_values(facts: BankFacts) -> Values:
    """Return the rows of `meta`, checksum included, as key -> text."""
    values = {
        "name": facts.name,
        "salt": facts.salt.hex(),
        "encoder_fingerprint": facts.encoder_fingerprint,
        "encoder_name": facts.encoder_name,
        "embedding_dim": str(facts.embedding_dim),
        "spatial_dims": str(facts.spatial_dims),
        "created": facts.created,
    }
    return values | {"digest": schema.digest(sorted(values.items()))}


def facts_from_values(stored: Mapping[str, str]) -> BankFacts:
    """Return the facts of the bank.

    Raises:
        BankError: they do not match their checksum.
    """
    values = {key: value for key, value in stored.items() if key != "digest"}
    _check("what was fixed when the bank was made", sorted(values.items()), stored.get("digest"))
    return BankFacts(
        name=values["name"],
        salt=bytes.fromhex(values["salt"]),
        encoder_fingerprint=values["encoder_fingerprint"],
        encoder_name=values["encoder_name"],
        embedding_dim=int(values["embedding_dim"]),
        spatial_dims=int(values["spatial_dims"]),
        created=values["created"],
    )


def version_to_values(version: Version) -> Values:
    """Return the row of `versions`, checksum included."""
    values = {
        "number": version.number,
        "created": version.created,
        "what": version.what,
        "note": version.note,
        "n_cases": version.n_cases,
    }
    return values | {"digest": schema.digest(list(values.values()))}


def version_from_row(row: Row[Any]) -> Version:
    """Return the version.

    Raises:
        BankError: it does not match its checksum.
    """
    values = [row.number, row.created, row.what, row.note, row.n_cases]
    _check(f"version {row.number}", values, row.digest)
    return Version(*values)


def record_to_values(
    record: CaseRecord, added_version: int
) -> tuple[Values, list[Values], list[Values]]:
    """Return the row of `cases`, and those of `scans` and `embeddings` still without the case."""
    case = record.case
    fields: Values = {
        "case_id": case.case_id,
        "condition": case.condition,
        "patient": case.patient,
        "proof": case.proof,
        "source": case.source,
        "licence": case.licence,
        "added": case.added,
        "notes": case.notes,
        "added_version": added_version,
    }
    scans = [
        {
            "position": position,
            "phase": phase,
            "content_hash": facts.content_hash,
            "spatial_dims": facts.spatial_dims,
            "shape": _to_json(facts.shape),
            "affine": _to_json(facts.affine),
            "spacing": _to_json(facts.spacing),
            "modality": facts.modality,
            "body_part": facts.body_part,
            "window": _to_json(facts.window),
            "photometric": facts.photometric,
        }
        for position, (phase, facts) in enumerate(zip(case.phases, record.scans, strict=True))
    ]
    vectors = [
        {"position": position, "vector": vector.astype("<f4").tobytes()}
        for position, vector in enumerate(record.vectors)
    ]
    covered = [list(fields.values()), [list(scan.values()) for scan in scans]]
    digest = schema.digest(covered, (vector["vector"] for vector in vectors))
    return fields | {"digest": digest}, scans, vectors


def record_from_rows(
    row: Row[Any], scans: Sequence[Row[Any]], vectors: Sequence[Row[Any]]
) -> CaseRecord:
    """Return a case from its row and those of its scans and vectors, in phase order.

    Raises:
        BankError: they do not match the checksum; the case is named.
    """
    mapping = row._mapping
    fields = [
        mapping[column.name]
        for column in schema.cases.columns
        if column.name not in ("id", "removed_version", "digest")
    ]
    blobs = [vector.vector for vector in vectors]
    # The first column of a scan is the row number of its case, given by the database.
    _check(f"case {row.case_id}", [fields, [list(scan)[1:] for scan in scans]], row.digest, blobs)
    facts = tuple(_scan_facts(scan) for scan in scans)
    case = Case(
        case_id=row.case_id,
        condition=row.condition,
        patient=row.patient,
        proof=row.proof,
        source=row.source,
        licence=row.licence,
        modality=facts[0].modality,
        body_part=facts[0].body_part,
        spacing=facts[0].spacing,
        phases=tuple(scan.phase for scan in scans),
        content_hashes=tuple(fact.content_hash for fact in facts),
        added=row.added,
        notes=row.notes,
    )
    matrix = np.stack([np.frombuffer(blob, "<f4") for blob in blobs]).astype(np.float32)
    return CaseRecord(case, facts, matrix)


def _scan_facts(row: Row[Any]) -> ScanFacts:
    return ScanFacts(
        content_hash=row.content_hash,
        spatial_dims=row.spatial_dims,
        shape=tuple(json.loads(row.shape)),
        affine=_from_json(row.affine),
        spacing=_from_json(row.spacing),
        modality=row.modality,
        body_part=row.body_part,
        window=_from_json(row.window),
        photometric=row.photometric,
    )


def _to_json(numbers: Sequence[float] | None) -> str | None:
    # Python writes the shortest text that reads back as the very same float64.
    return None if numbers is None else json.dumps(list(numbers))


def _from_json(text: str | None) -> Any:
    return None if text is None else tuple(json.loads(text))


def _check(what: str, values: object, stored: object, blobs: Sequence[object] = ()) -> None:
    raw = [blob if isinstance(blob, bytes) else b"" for blob in blobs]
    if schema.digest(values, raw) != stored:
        raise BankError(
            f"{what} does not match its checksum: the bank is damaged; restore it from a copy"
        )
