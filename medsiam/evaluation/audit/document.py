"""An audit as one JSON document; docs/audit.md explains the keys, which only ever grow."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from medsiam.evaluation.audit.findings import list_findings
from medsiam.evaluation.audit.result import BankAudit

SCHEMA_VERSION = 1
_NOT_ASKED = "not asked for; nothing is claimed about privacy"


def audit_document(audit: BankAudit) -> dict[str, Any]:
    """Everything that was found, as plain values.

    A figure that cannot be given is null, with the reason in a finding or beside it.
    """
    fields = asdict(audit)
    betrayal = fields.pop("reidentification")
    document: dict[str, Any] = _plain(
        {
            "schema_version": SCHEMA_VERSION,
            "findings": [asdict(finding) for finding in list_findings(audit)],
            **fields,
            "reidentification": betrayal,
            "reidentification_reason": betrayal["reason"] if betrayal else _NOT_ASKED,
        }
    )
    return document


def _plain(value: Any) -> Any:
    """Lists for tuples, None for what is not finite."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
