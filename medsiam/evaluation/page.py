"""An evaluation as one self-contained HTML page: no script, nothing fetched, plots inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import numpy as np

from medsiam.errors import UsageError
from medsiam.evaluation.embedding_map import map_embeddings
from medsiam.evaluation.of_table import TableEvaluation
from medsiam.evaluation.page_tables import (
    classification_table,
    difference_table,
    main_table,
    robustness_table,
    single_figures,
    slice_table,
    uneven_table,
)
from medsiam.evaluation.pairing import form_cohort
from medsiam.evaluation.plots import (
    condition_bars,
    confusion_map,
    distance_histogram,
    few_shot_curve,
    roc_curve,
    scatter_map,
)
from medsiam.evaluation.ranking import rank
from medsiam.evaluation.result import Evaluation
from medsiam.evaluation.robustness import Robustness
from medsiam.evaluation.shell import bullet_list, figure_grid, self_contained
from medsiam.evaluation.spread import Difference
from medsiam.evaluation.verification import roc_points, same_condition

_MOST_LINES = 8  # of the few-shot curve


def evaluation_page(
    measured: Mapping[str, TableEvaluation],
    *,
    differences: Mapping[str, Sequence[Difference]] | None = None,
    robustness: Robustness | None = None,
    notices: Sequence[str] = (),
) -> str:
    """Show the first result in full, and the others beside it.

    Args:
        measured: name -> an evaluation with its items; the first one is the subject.
        differences: name of a result -> the first result's figures less its own.
        robustness: of the first result.
        notices: what a reader must know first.

    Returns:
        the whole page. It names no patient.

    Raises:
        UsageError: where there is nothing to show.
    """
    if not measured:
        raise UsageError("a page needs at least one evaluation")
    name, subject = next(iter(measured.items()))
    results = {key: found.evaluation for key, found in measured.items()}
    body = "".join(
        (
            _head(name, subject.evaluation),
            bullet_list(notices),
            _comparison(results, differences or {}),
            f"<h2>Pictures</h2>{figure_grid(_drawn(subject, results))}",
            single_figures(subject.evaluation),
            uneven_table(subject.evaluation),
            classification_table(results),
            robustness_table(robustness),
            slice_table(subject.evaluation),
            _method(subject.evaluation),
        )
    )
    return self_contained("evaluation", name, body)


def _head(name: str, found: Evaluation) -> str:
    n_cases = sum(entry.n_cases for entry in found.counts)
    listed = ", ".join(
        f"{escape(entry.condition)} ({entry.n_cases} of {entry.n_subjects})"
        for entry in found.counts
    )
    shot, first = found.few_shot[-1], found.retrieval.precision_at_1
    cards = [
        (
            f"{shot.n_shot}-shot accuracy",
            (shot.accuracy, shot.low, shot.high),
            f"chance {shot.chance:.2f}: {shot.n_way} conditions",
        ),
        (
            "nearest case is right (P@1)",
            (first.value, first.low, first.high),
            f"chance {first.chance:.2f}; conditions weigh the same",
        ),
        (
            "same before different (AUC)",
            (found.pair_auc.value, found.pair_auc.low, found.pair_auc.high),
            "chance 0.50; over pairs of cases",
        ),
    ]
    if found.open_set is not None:
        unknown = found.open_set.auroc
        cards.append(
            (
                "unknown condition noticed (AUROC)",
                (unknown.value, unknown.low, unknown.high),
                "chance 0.50; each left out in turn",
            )
        )
    shown = "".join(
        f"<div class='card'><span>{title}</span><b>{value:.2f}</b>"
        f"<span>95 % interval {low:.2f} to {high:.2f}</span><span>{blind}</span></div>"
        for title, (value, low, high), blind in cards
    )
    return (
        f"<h1>{escape(name)}</h1>\n"
        f"<p class='soft'>{n_cases} cases; cases of subjects per condition: {listed}.</p>\n"
        f"<div class='cards'>{shown}</div>\n"
    )


def _comparison(
    results: Mapping[str, Evaluation], differences: Mapping[str, Sequence[Difference]]
) -> str:
    words = (
        "Each figure with its 95 % interval over subjects (patients, else groups), not over "
        "episodes. A result is worth something where its interval lies above chance, and above the "
        "simple baselines."
    )
    return (
        f"<h2>How good, and better than what</h2><p>{words}</p>\n"
        f"{main_table(results)}{difference_table(differences)}"
    )


def _drawn(
    subject: TableEvaluation, results: Mapping[str, Evaluation]
) -> Iterator[tuple[str, str, str]]:
    """Title, SVG and words of each plot."""
    found, items = subject.evaluation, subject.items
    protocol = found.protocol
    cohort = form_cohort(items.conditions, items.subjects, facts=items.facts, protocol=protocol)
    shot = found.few_shot[-1]
    plain = [_plain(key) for key in results]
    lines = {
        _plain(key) if plain.count(_plain(key)) == 1 else key: e.few_shot
        for key, e in list(results.items())[:_MOST_LINES]
    }
    yield (
        "More cases in the bank",
        few_shot_curve(lines),
        "How often the nearest condition is the right one, when the bank holds this many cases "
        "of each. The shaded band is the 95 % interval of the first line.",
    )
    yield (
        "Condition by condition",
        condition_bars(shot),
        "A mean can hide a condition that is hardly ever found. Black lines: 95 % intervals over "
        "subjects.",
    )
    yield (
        "What is taken for what",
        confusion_map(shot),
        "Each row: the queries of one condition, and the share of them that was given each name. A "
        "perfect encoder fills the diagonal.",
    )
    placed = map_embeddings(
        items.embeddings, metric=protocol.metric, random_state=protocol.random_state
    )
    yield (
        "Map of the embeddings",
        scatter_map(placed, np.asarray(items.conditions)),
        f"Each mark is a case. Placed by {placed.method}. No figure comes from it.",
    )
    ranked = rank(
        items.embeddings, cohort, metric=protocol.metric, random_state=protocol.random_state
    )
    same = same_condition(ranked)
    check = found.verification
    yield (
        "Distances of pairs",
        distance_histogram(
            ranked.distances, same, threshold=check.threshold, metric=protocol.metric
        ),
        "The less the two overlap, the better one distance tells whether two cases share a "
        f"condition. At the dashed line {check.equal_error_rate.value:.0%} of either are wrong.",
    )
    _, far, tar = roc_points(ranked.distances, same)
    yield (
        "Same or different",
        roc_curve(far, tar),
        "How many same pairs are accepted when few different ones may be. The left end matters "
        "where a false match does harm.",
    )


def _plain(name: str) -> str:
    return name.removesuffix(" (baseline)")


def _method(found: Evaluation) -> str:
    protocol = found.protocol
    rules = [
        f"{protocol.n_episodes} episodes for each number of shots; {protocol.metric} distance; the "
        "nearest mean of a condition's cases names the query.",
        "A subject (patient, else group) is never compared with itself.",
    ]
    if protocol.sources == "different":
        rules.append("A query is compared with cases of other sources only.")
    if protocol.sources == "one":
        rules.append("A query is compared with cases of its own source only.")
    if protocol.bank_split or protocol.query_split:
        rules.append(
            f"The bank comes from split {protocol.bank_split or 'any'}, queries from split "
            f"{protocol.query_split or 'any'}."
        )
    if protocol.filter:
        chosen = "; ".join(f"{k}: {', '.join(v)}" for k, v in protocol.filter.items())
        rules.append(f"Only rows with {chosen}.")
    listed = "".join(f"<li>{escape(rule)}</li>" for rule in rules)
    return (
        f"<h2>How it was measured</h2><ul class='soft'>{listed}</ul>"
        "<p class='soft'>docs/evaluation.md explains each figure and how its interval is made; "
        "evaluation.json beside this page holds all of them.</p>\n"
    )
