"""EVALUATE: protocols and figures over saved embeddings; never touches pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.evaluation.audit.document import audit_document as audit_document
    from medsiam.evaluation.audit.examine import audit_bank as audit_bank
    from medsiam.evaluation.audit.examine import audit_metric as audit_metric
    from medsiam.evaluation.audit.examine import audit_steps as audit_steps
    from medsiam.evaluation.audit.findings import Finding as Finding
    from medsiam.evaluation.audit.findings import list_findings as list_findings
    from medsiam.evaluation.audit.page import audit_page as audit_page
    from medsiam.evaluation.audit.result import BankAudit as BankAudit
    from medsiam.evaluation.document import evaluation_csv as evaluation_csv
    from medsiam.evaluation.document import evaluation_document as evaluation_document
    from medsiam.evaluation.embedding_map import EmbeddingMap as EmbeddingMap
    from medsiam.evaluation.embedding_map import map_embeddings as map_embeddings
    from medsiam.evaluation.embedding_map import place_among as place_among
    from medsiam.evaluation.items import Items as Items
    from medsiam.evaluation.items import join_cases as join_cases
    from medsiam.evaluation.items import select_rows as select_rows
    from medsiam.evaluation.measure import evaluate as evaluate
    from medsiam.evaluation.of_table import TableEvaluation as TableEvaluation
    from medsiam.evaluation.of_table import evaluate_rows as evaluate_rows
    from medsiam.evaluation.page import evaluation_page as evaluation_page
    from medsiam.evaluation.paired import compare_evaluations as compare_evaluations
    from medsiam.evaluation.protocol import EpisodeProtocol as EpisodeProtocol
    from medsiam.evaluation.result import Classification as Classification
    from medsiam.evaluation.result import ConditionCount as ConditionCount
    from medsiam.evaluation.result import Evaluation as Evaluation
    from medsiam.evaluation.result import FewShot as FewShot
    from medsiam.evaluation.result import Figure as Figure
    from medsiam.evaluation.result import OpenSet as OpenSet
    from medsiam.evaluation.result import PairAuc as PairAuc
    from medsiam.evaluation.result import Retrieval as Retrieval
    from medsiam.evaluation.result import Slice as Slice
    from medsiam.evaluation.result import SourceProbe as SourceProbe
    from medsiam.evaluation.result import UnevenShots as UnevenShots
    from medsiam.evaluation.result import Verification as Verification
    from medsiam.evaluation.robustness import RankChange as RankChange
    from medsiam.evaluation.robustness import Robustness as Robustness
    from medsiam.evaluation.robustness import measure_robustness as measure_robustness
    from medsiam.evaluation.spread import Difference as Difference

_HOMES = {
    "BankAudit": ".audit.result",
    "Classification": ".result",
    "ConditionCount": ".result",
    "Difference": ".spread",
    "EmbeddingMap": ".embedding_map",
    "EpisodeProtocol": ".protocol",
    "Evaluation": ".result",
    "FewShot": ".result",
    "Finding": ".audit.findings",
    "Figure": ".result",
    "Items": ".items",
    "OpenSet": ".result",
    "PairAuc": ".result",
    "RankChange": ".robustness",
    "Retrieval": ".result",
    "Robustness": ".robustness",
    "Slice": ".result",
    "SourceProbe": ".result",
    "TableEvaluation": ".of_table",
    "UnevenShots": ".result",
    "Verification": ".result",
    "audit_bank": ".audit.examine",
    "audit_document": ".audit.document",
    "audit_metric": ".audit.examine",
    "audit_page": ".audit.page",
    "audit_steps": ".audit.examine",
    "compare_evaluations": ".paired",
    "evaluate": ".measure",
    "evaluate_rows": ".of_table",
    "evaluation_csv": ".document",
    "evaluation_document": ".document",
    "evaluation_page": ".page",
    "join_cases": ".items",
    "list_findings": ".audit.findings",
    "map_embeddings": ".embedding_map",
    "measure_robustness": ".robustness",
    "place_among": ".embedding_map",
    "select_rows": ".items",
}

__all__ = [*_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)
