"""What an audit found, all of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from medsiam.comparison.result import RESEARCH_USE
from medsiam.evaluation.audit.accuracy import Accuracy
from medsiam.evaluation.audit.hubs import Hubs
from medsiam.evaluation.audit.label_conflicts import LabelConflict
from medsiam.evaluation.audit.learning_curve import LearningCurve
from medsiam.evaluation.audit.near_duplicates import NearDuplicate
from medsiam.evaluation.audit.provenance import Provenance
from medsiam.evaluation.audit.reidentification import Reidentification
from medsiam.evaluation.audit.shortcuts import Shortcut


@dataclass(frozen=True)
class BankAudit:
    """One version of a bank, examined.

    Attributes:
        version: of the bank.
        n_cases, n_patients: in it; a case without a patient counts as one.
        conditions: in alphabetical order.
        metric: of all distances.
        accuracy: with each patient left out.
        hubs: and orphans.
        near_duplicates: patients that may be one.
        label_conflicts: cases whose label fits least, worst first.
        learning_curves: one per condition.
        shortcuts: one per column of origin that any case fills.
        provenance: what the records say.
        reidentification: None where it was not asked for.
        research_use: the statement that goes with every result.
    """

    version: int
    n_cases: int
    n_patients: int
    conditions: tuple[str, ...]
    metric: str
    accuracy: Accuracy
    hubs: Hubs
    near_duplicates: tuple[NearDuplicate, ...]
    label_conflicts: tuple[LabelConflict, ...]
    learning_curves: tuple[LearningCurve, ...]
    shortcuts: tuple[Shortcut, ...]
    provenance: Provenance
    reidentification: Reidentification | None
    research_use: str = field(default=RESEARCH_USE)
