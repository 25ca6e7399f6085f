"""From a case table and saved embeddings to an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medsiam.cases import CaseRow
from medsiam.evaluation.items import Items, check_columns, join_cases, join_patients, select_rows
from medsiam.evaluation.measure import cases_digest, evaluate
from medsiam.evaluation.protocol import EpisodeProtocol
from medsiam.evaluation.result import Evaluation, SourceProbe
from medsiam.evaluation.source_probe import measure_source_probe


@dataclass(frozen=True, eq=False)
class TableEvaluation:
    """An evaluation with the items it was made from.

    Attributes:
        evaluation: the figures.
        items: the cases that took part, for pictures of their embeddings.
    """

    evaluation: Evaluation
    items: Items


def evaluate_rows(
    rows: Sequence[CaseRow],
    paths: Sequence[str],
    embeddings: NDArray[np.float32],
    *,
    protocol: EpisodeProtocol,
    splits: Sequence[str] | None = None,
) -> TableEvaluation:
    """Choose the rows, join them to cases and measure.

    The source probe is over all rows that were embedded, for the rows of an evaluation often come
    from one source.

    Args:
        rows: of the whole table.
        paths: (n,) `path_text` of each embedding.
        embeddings: (n, d).
        protocol: which rows take part, and how.
        splits: only rows whose `split` is one of these; None: all.

    Raises:
        UsageError: a condition, split or value that no row has; embeddings of another table.
        NothingToDoError: nothing left to measure.
    """
    check_columns(rows, protocol.asked_columns)
    chosen = select_rows(
        rows, conditions=protocol.conditions, splits=splits, filters=protocol.filter
    )
    if protocol.join == "patient_id":
        chosen = join_patients(chosen)
    items = join_cases(chosen, paths, embeddings, table=rows, columns=protocol.columns)
    measured = evaluate(
        items.embeddings,
        conditions=items.conditions,
        subjects=items.subjects,
        protocol=protocol,
        n_scans=items.n_scans,
        facts=items.facts,
        notices=items.notices,
    )
    measured = replace(measured, cases=cases_digest(items.paths, items.subjects, items.conditions))
    if len(chosen) < len(rows):
        probe = _probe_of_all(rows, paths, embeddings, protocol)
        measured = replace(measured, source_probe=probe or measured.source_probe)
    return TableEvaluation(measured, items)


def _probe_of_all(
    rows: Sequence[CaseRow],
    paths: Sequence[str],
    embeddings: NDArray[np.float32],
    protocol: EpisodeProtocol,
) -> SourceProbe | None:
    embedded = set(paths)
    present = [
        row for row in rows if row.path_text in embedded and row.value(protocol.source_column)
    ]
    if not present:
        return None
    # Each scan for itself: sources are told by pictures, whatever cases they are joined to.
    alone = [replace(row, case_id=row.path_text, phase="") for row in present]
    items = join_cases(alone, paths, embeddings, table=rows, columns=(protocol.source_column,))
    return measure_source_probe(
        items.embeddings,
        sources=items.facts[protocol.source_column],
        subjects=items.subjects,
        column=protocol.source_column,
        metric=protocol.metric,
        random_state=protocol.random_state,
    )
