"""Who and what is asked about: the query's patient, and facts for the answer."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from medsiam.comparison.result import QueryFacts
from medsiam.errors import UsageError
from medsiam.scans.scan import Scan

_HIDDEN = "[patient]"
_SHORTEST_HIDDEN = 3  # "7" or "p1" cannot be told from ordinary numbers and words


def query_patient(scans: Sequence[Scan], patient_id: str | None) -> str | None:
    """The patient's identifier: as given, else as all scans of the query say; None if unknown.

    Raises:
        UsageError: if the scans name different patients.
    """
    if patient_id and patient_id.strip():
        return patient_id.strip()
    named = {scan.patient_id.strip() for scan in scans if scan.patient_id} - {""}
    if len(named) > 1:
        raise UsageError(
            "the scans of this query belong to different patients; compare them one by one, or "
            "give the patient if the headers are wrong"
        )
    return named.pop() if named else None


def query_facts(
    scans: Sequence[Scan], *, patient: str | None, patient_id: str | None
) -> QueryFacts:
    """Gather what the answer keeps of the query; geometry is that of the first scan.

    Args:
        scans: of the query, in phase order.
        patient: hashed with the bank's salt.
        patient_id: as known; hidden, like those of the scans, in the name and in warnings.
    """
    hidden = {name for name in (patient_id, *(scan.patient_id for scan in scans)) if name}
    first = scans[0]
    return QueryFacts(
        sources=tuple(str(file) for scan in scans for file in scan.sources),
        content_hashes=tuple(scan.content_hash for scan in scans),
        patient=patient,
        modality=next((scan.modality for scan in scans if scan.modality), None),
        body_part=next((scan.body_part for scan in scans if scan.body_part), None),
        spatial_shape=first.spatial_shape,
        spacing=first.spacing,
        orientation=first.orientation,
        series_uid=first.series_uid,
        study_uid=first.study_uid,
        warnings=tuple(_hide(text, hidden) for scan in scans for text in scan.warnings),
        name=_hide(" + ".join(_short_name(scan.sources) for scan in scans), hidden),
    )


def _short_name(files: tuple[Path, ...]) -> str:
    """The file's name, or that of the folder of a scan made of several files."""
    if not files:
        return "scan in memory"
    name = files[0].name if len(files) == 1 else files[0].parent.name
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _hide(text: str, identifiers: Collection[str]) -> str:
    """Blot out identifiers where they stand as words of their own."""
    for identifier in sorted(identifiers, key=len, reverse=True):
        if len(identifier) >= _SHORTEST_HIDDEN:
            whole = rf"(?<![^\W_]){re.escape(identifier)}(?![^\W_])"
            text = re.sub(whole, _HIDDEN, text, flags=re.IGNORECASE)
    return text
