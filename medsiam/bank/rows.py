"""Records as rows of the tables, and back; what is read is held against its checksum first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import Row

from medsiam.bank import schema
from medsiam.bank.case import Case
from medsiam.bank.store import BankFacts, CaseRecord, KeptCalibration, ScanFacts, Version
from medsiam.errors import BankError

Values = dict[str, Any]

_KEPT = "kept"
_OF_LATER_FORMS = ("site", "scanner", "acquired", "curator", "pixels_checked_by")
_NOT_COVERED = ("id", "removed_version", "digest", "removal_digest", *_OF_LATER_FORMS)


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
        "pixels": _KEPT if facts.keeps_pixels else "none",
        "encoder_digest": facts.encoder_digest or "",
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
        # Form 1 knew neither.
        keeps_pixels=values.get("pixels", _KEPT) == _KEPT,
        encoder_digest=values.get("encoder_digest") or None,
    )


def version_to_values(version: Version) -> Values:
    """Return the row of `versions`, checksum included."""
    return {
        "number": version.number,
        "created": version.created,
        "what": version.what,
        "note": version.why,
        "n_cases": version.n_cases,
        "who": version.who,
        "digest": schema.digest(_covered_of_version(version)),
    }


def version_from_row(row: Row[Any]) -> Version:
    """Return the version.

    Raises:
        BankError: it does not match its checksum.
    """
    version = Version(row.number, row.created, row.what, row.note, row.n_cases, row.who)
    _check(f"version {row.number}", _covered_of_version(version), row.digest)
    return version


def _covered_of_version(version: Version) -> list[object]:
    values = [version.number, version.created, version.what, version.why, version.n_cases]
    return [*values, *_said(version.who)]


def calibration_to_values(kept: KeptCalibration) -> Values:
    """Return the row of `calibrations`, checksum included."""
    values = asdict(kept)
    return values | {"digest": schema.digest(list(values.values()))}


def calibration_from_row(row: Row[Any]) -> KeptCalibration:
    """Return the calibration.

    Raises:
        BankError: it does not match its checksum.
    """
    kept = KeptCalibration(row.number, row.bank_version, row.created, row.who, row.document)
    _check(f"calibration {row.number}", list(asdict(kept).values()), row.digest)
    return kept


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
            "kept_digest": facts.kept_digest,
            "picture_hash": facts.picture_hash,
        }
        for position, (phase, facts) in enumerate(zip(case.phases, record.scans, strict=True))
    ]
    vectors = [
        {"position": position, "vector": vector.astype("<f4").tobytes()}
        for position, vector in enumerate(record.vectors)
    ]
    later = {name: getattr(case, name) for name in _OF_LATER_FORMS}
    covered = _covered(fields.values(), [list(scan.values()) for scan in scans], later)
    digest = schema.digest(covered, (vector["vector"] for vector in vectors))
    return fields | later | {"digest": digest}, scans, vectors


def record_from_rows(
    row: Row[Any], scans: Sequence[Row[Any]], vectors: Sequence[Row[Any]]
) -> CaseRecord:
    """Return a case from its row and those of its scans and vectors, in phase order.

    Raises:
        BankError: they do not match the checksum; the case is named.
    """
    mapping = row._mapping
    fields = [mapping[c.name] for c in schema.cases.columns if c.name not in _NOT_COVERED]
    later = {name: mapping[name] for name in _OF_LATER_FORMS}
    blobs = [vector.vector for vector in vectors]
    # The first column of a scan is the row number of its case, given by the database.
    covered = _covered(fields, [list(scan)[1:] for scan in scans], later)
    _check(f"case {row.case_id}", covered, row.digest, blobs)
    facts = tuple(scan_facts(scan) for scan in scans)
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
        **later,
    )
    matrix = np.stack([np.frombuffer(blob, "<f4") for blob in blobs]).astype(np.float32)
    return CaseRecord(case, facts, matrix)


def check_removal(row: Row[Any]) -> None:
    """Hold the removal of a case, or that it was none, against its checksum.

    Raises:
        BankError: they do not match.
    """
    removed = row.removed_version
    expected = None if removed is None else schema.removal_digest(row.digest, removed)
    if row.removal_digest != expected:
        raise _mismatch(f"the removal of case {row.case_id}")


def scan_facts(row: Row[Any]) -> ScanFacts:
    """Return what a row of `scans` says, unchecked."""
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
        kept_digest=row.kept_digest,
        picture_hash=row.picture_hash,
    )


def _covered(
    fields: Iterable[object], scans: Sequence[list[object]], later: Mapping[str, str | None]
) -> list[object]:
    """Return what the checksum of a case is taken over; as in form 1 where nothing new is said."""
    said = {name: text for name, text in later.items() if text is not None}
    facts_of_scans = [
        # The last came with form 3, the last but one with form 2.
        [*scan[:-2], *_said(scan[-2]), *([] if scan[-1] is None else [["picture", scan[-1]]])]
        for scan in scans
    ]
    return [list(fields), facts_of_scans, *([said] if said else [])]


def _said(value: object) -> list[object]:
    return [] if value is None else [value]


def _to_json(numbers: Sequence[float] | None) -> str | None:
    # Python writes the shortest text that reads back as the very same float64.
    return None if numbers is None else json.dumps(list(numbers))


def _from_json(text: str | None) -> Any:
    return None if text is None else tuple(json.loads(text))


def _check(what: str, values: object, stored: object, blobs: Sequence[object] = ()) -> None:
    raw = [blob if isinstance(blob, bytes) else b"" for blob in blobs]
    if schema.digest(values, raw) != stored:
        raise _mismatch(what)


def _mismatch(what: str) -> BankError:
    return BankError(
        f"{what} does not match its checksum: the bank is damaged; restore it from a copy"
    )
