"""Evaluations as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from medsiam._version import __version__
from medsiam.comparison.result import RESEARCH_USE
from medsiam.errors import UsageError
from medsiam.evaluation.result import Evaluation

COLUMNS = (
    "name",
    "measure",
    "n_shot",
    "n_way",
    "value",
    "low",
    "high",
    "chance",
    "majority",
    "n_subjects",
    "metric",
    "research_use",
)


def evaluation_document(results: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Return evaluations of the same cases as one JSON document.

    Args:
        results: name of the encoder or baseline -> its evaluation.

    Raises:
        UsageError: where there are none, or they are of different cases or protocols.
    """
    evaluations = list(results.values())
    if not evaluations or len({(e.protocol, e.counts) for e in evaluations}) > 1:
        raise UsageError("evaluations in one document must be of the same cases and protocol")
    first = evaluations[0]
    return {
        "research_use": RESEARCH_USE,
        "medsiam_version": __version__,
        "protocol": first.protocol.model_dump(mode="json"),
        "conditions": [asdict(entry) for entry in first.counts],
        "notices": list(dict.fromkeys(text for e in evaluations for text in e.notices)),
        "results": [
            {
                "name": name,
                "few_shot": [asdict(shot) for shot in evaluation.few_shot],
                "retrieval": asdict(evaluation.retrieval),
                "pair_auc": asdict(evaluation.pair_auc),
            }
            for name, evaluation in results.items()
        ],
    }


def evaluation_csv(results: Mapping[str, Evaluation]) -> str:
    """Return evaluations as CSV text, one figure per row."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for name, evaluation in results.items():
        common = {
            "name": _plain(name),
            "metric": evaluation.protocol.metric,
            "research_use": RESEARCH_USE,
        }
        writer.writerows(common | row for row in _figures(evaluation))
    return stream.getvalue()


def _figures(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for shot in evaluation.few_shot:
        row = {key: value for key, value in asdict(shot).items() if key in COLUMNS}
        yield {"measure": "few_shot_accuracy", "value": shot.accuracy, **row}
    for measure, figure in asdict(evaluation.retrieval).items():
        yield {"measure": measure} | {k: v for k, v in figure.items() if k in COLUMNS}
    pair_auc = {k: v for k, v in asdict(evaluation.pair_auc).items() if k in COLUMNS}
    yield {"measure": "pair_auc", **pair_auc}


def _plain(text: str) -> str:
    """Text that a spreadsheet does not run as a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
