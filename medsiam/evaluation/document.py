"""Evaluations as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from medsiam._version import __version__
from medsiam.comparison.result import RESEARCH_USE
from medsiam.errors import UsageError
from medsiam.evaluation.result import Evaluation, Figure
from medsiam.evaluation.robustness import Robustness
from medsiam.evaluation.spread import Difference

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
    "slice",
    "research_use",
)


def evaluation_document(
    results: Mapping[str, Evaluation],
    *,
    differences: Mapping[str, Sequence[Difference]] | None = None,
    robustness: Robustness | None = None,
) -> dict[str, Any]:
    """Return evaluations of the same cases as one JSON document.

    Args:
        results: name of the encoder or baseline -> its evaluation.
        differences: name of a result -> the first result's figures less its own.
        robustness: of the first result.

    Raises:
        UsageError: where there are none, or they are of different cases or protocols.
    """
    evaluations = list(results.values())
    if not evaluations or any(
        (e.protocol, e.counts) != (evaluations[0].protocol, evaluations[0].counts)
        for e in evaluations
    ):
        raise UsageError("evaluations in one document must be of the same cases and protocol")
    first = evaluations[0]
    return {
        "research_use": RESEARCH_USE,
        "medsiam_version": __version__,
        "protocol": first.protocol.model_dump(mode="json"),
        "conditions": [asdict(entry) for entry in first.counts],
        "notices": list(dict.fromkeys(text for e in evaluations for text in e.notices)),
        "results": [_result(name, evaluation) for name, evaluation in results.items()],
        "differences": [
            {"first": next(iter(results)), "second": name, **asdict(difference)}
            for name, found in (differences or {}).items()
            for difference in found
        ],
        "robustness": None if robustness is None else asdict(robustness),
    }


def _result(name: str, evaluation: Evaluation) -> dict[str, Any]:
    parts = ("retrieval", "pair_auc", "verification", "open_set", "official_split", "folds")
    records = {part: getattr(evaluation, part) for part in (*parts, "source_probe")}
    return {
        "name": name,
        "few_shot": [asdict(shot) for shot in evaluation.few_shot],
        **{part: None if record is None else asdict(record) for part, record in records.items()},
        "slices": [asdict(entry) for entry in evaluation.slices],
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
        if shot.uneven is not None:
            uneven = {key: value for key, value in asdict(shot.uneven).items() if key in COLUMNS}
            yield {"measure": "few_shot_accuracy_uneven", "value": shot.uneven.accuracy} | (
                row | uneven
            )
    yield from _rows(evaluation.retrieval)
    pair_auc = {k: v for k, v in asdict(evaluation.pair_auc).items() if k in COLUMNS}
    yield {"measure": "pair_auc", **pair_auc}
    for prefix, record in (
        ("verification", evaluation.verification),
        ("open_set", evaluation.open_set),
        ("official_split", evaluation.official_split),
        ("folds", evaluation.folds),
        ("source_probe", evaluation.source_probe),
    ):
        if record is not None:
            yield from _rows(record, f"{prefix}_")
    for entry in evaluation.slices:
        yield from _rows(entry, "slice_", slice=f"{entry.column} = {entry.name}")


def _rows(record: Any, prefix: str = "", **more: str) -> Iterator[dict[str, Any]]:
    """One row for each figure of a record."""
    for name, figure in vars(record).items():
        if isinstance(figure, Figure):
            row = {k: v for k, v in asdict(figure).items() if k in COLUMNS}
            yield {"measure": prefix + name, **row, **{k: _plain(v) for k, v in more.items()}}


def _plain(text: str) -> str:
    """Text that a spreadsheet does not run as a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
