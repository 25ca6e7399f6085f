"""The tables of an evaluation's page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from medsiam.evaluation.result import Evaluation, FewShot, Figure, PairAuc
from medsiam.evaluation.robustness import Robustness
from medsiam.evaluation.spread import Difference

_MOST_DIFFERENCES = 4  # results; the document has all
_SHOWN_DIFFERENCES = (
    "few_shot.",
    "retrieval.precision_at_1",
    "retrieval.mean_average_precision",
    "verification.auc",
    "open_set.auroc",
)


def main_table(results: Mapping[str, Evaluation]) -> str:
    """One row per result, under what chance and majority score."""
    first = next(iter(results.values()))
    retrieval = first.retrieval
    head = ["", *(f"{shot.n_shot}-shot" for shot in first.few_shot)]
    head += ["P@1", "mAP", "pair AUC", "open-set AUROC"]
    blind = [f"{shot.chance:.2f}" for shot in first.few_shot]
    blind += [
        f"{retrieval.precision_at_1.chance:.2f}",
        f"{retrieval.mean_average_precision.chance:.2f}",
        "0.50",
        "0.50",
    ]
    majority = [f"{shot.majority:.2f}" for shot in first.few_shot]
    majority += [_or_dash(retrieval.precision_at_1.majority), "-", "-", "-"]
    rows = [("blind", ["chance", *blind]), ("blind", ["majority", *majority])]
    for place, (name, found) in enumerate(results.items()):
        cells = [escape(name), *map(_shot, found.few_shot)]
        cells += [figure_cell(found.retrieval.precision_at_1)]
        cells += [figure_cell(found.retrieval.mean_average_precision), figure_cell(found.pair_auc)]
        cells += [figure_cell(found.open_set.auroc if found.open_set else None)]
        rows.append(("first" if place == 0 else "", cells))
    return html_table(head, rows)


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def difference_table(differences: Mapping[str, Sequence[Difference]]) -> str:
    """The first result less the others, by the paired bootstrap."""
    if not differences:
        return ""
    shown = {
        name: [d for d in differences[name] if _is_shown(d.measure)]
        for name in _shown_names(differences)
    }
    labels = {d.measure: d.label for d in next(iter(shown.values()))}
    rows = []
    for name, found in shown.items():
        by_measure = {d.measure: d for d in found}
        cells = [_difference(by_measure.get(measure)) for measure in labels]
        rows.append(("", [f"less {escape(name)}", *cells]))
    head = ["", *map(escape, labels.values())]
    words = (
        "Differences of the first row to others on the same subjects (paired bootstrap). An "
        "interval that holds 0, or a p above 0.05, means: not shown to differ."
    )
    return f"<p style='margin-top:18px'>{words}</p>{html_table(head, rows)}"


def _shown_names(names: Iterable[str]) -> list[str]:
    """Other encoders first, then the strongest baselines, which are the last ones."""
    everyone = list(names)
    baselines = [name for name in everyone if name.endswith("(baseline)")]
    others = [name for name in everyone if name not in baselines][:_MOST_DIFFERENCES]
    n_left = _MOST_DIFFERENCES - len(others)
    return others + baselines[max(0, len(baselines) - n_left) :]


def _is_shown(measure: str) -> bool:
    return measure.startswith(_SHOWN_DIFFERENCES) and not measure.endswith(("_micro", "_10"))


def single_figures(found: Evaluation) -> str:
    """Every further figure of the subject, one row each."""
    retrieval, check = found.retrieval, found.verification
    rows: list[tuple[str, Figure | None, str]] = [
        (
            "P@1, every query the same",
            retrieval.precision_at_1_micro,
            "frequent conditions weigh more",
        ),
        ("P@5", retrieval.precision_at_5, "of the five nearest cases, those of the condition"),
        ("P@10", retrieval.precision_at_10, "of the ten nearest"),
        (
            "P@min(10, cases)",
            retrieval.precision_at_min_10,
            "the same where a condition has fewer than ten cases",
        ),
        (
            "mean reciprocal rank",
            retrieval.mean_reciprocal_rank,
            "1 / place of the first right case",
        ),
        ("equal error rate", check.equal_error_rate, "of pairs; lower is better"),
        ("same pairs accepted at 1 % false", check.tar_at_far_1, "TAR at FAR 1 %"),
        ("same pairs accepted at 0.1 % false", check.tar_at_far_01, "TAR at FAR 0.1 %"),
    ]
    if found.open_set is not None:
        words = "unknown conditions taken for known at 95 % known kept; lower is better"
        rows.append(("FPR95 of the open set", found.open_set.fpr95, words))
    probe = found.source_probe
    if probe is not None:
        words = f"{probe.n_sources} sources ({probe.column}); high means a shortcut is open"
        rows.append(("source told by the nearest case", probe.nearest, words))
        rows.append(("source told by a linear probe", probe.linear, words))
    shown = [
        ("", [escape(name), figure_cell(figure), f"{figure.chance:.3g}", escape(words)])
        for name, figure, words in rows
        if figure is not None
    ]
    return f"<h2>Further figures</h2>{html_table(['', 'value', 'chance', ''], shown)}\n"


def uneven_table(found: Evaluation) -> str:
    """Uneven shots beside balanced ones."""
    rows = [
        (
            "",
            [
                f"{shot.n_shot}-shot",
                _shot(shot),
                f"{uneven.accuracy:.3f}<small>[{uneven.low:.2f}, {uneven.high:.2f}]</small>",
                f"{uneven.fewest} to {uneven.most}",
                f"{uneven.loss:+.3f}"
                f"<small>[{uneven.loss_low:+.2f}, {uneven.loss_high:+.2f}]</small>",
            ],
        )
        for shot in found.few_shot
        if (uneven := shot.uneven) is not None
    ]
    if not rows:
        return ""
    words = (
        "Real banks hold many cases of one condition and few of another. Here each condition of an "
        "episode has its own number of cases, with the same mean."
    )
    head = ["", "balanced", "uneven", "cases per condition", "lost"]
    return f"<h2>Uneven banks</h2><p>{words}</p>{html_table(head, rows)}\n"


def classification_table(results: Mapping[str, Evaluation]) -> str:
    """Official splits and folds, all results."""
    parts = []
    for part, title in (("official_split", "Official split"), ("folds", "Folds of subjects")):
        found = {name: getattr(e, part) for name, e in results.items()}
        found = {name: record for name, record in found.items() if record is not None}
        if not found:
            continue
        first = next(iter(found.values()))
        head = ["", "nearest", "5 nearest", "prototype", "linear", "linear AUC", "linear, plain"]
        fields = ("nearest_1", "nearest_5", "prototype", "linear", "linear_auc", "linear_micro")
        majority = first.linear_micro.majority
        chance = [f"{getattr(first, field).chance:.2f}" for field in fields[:-1]]
        rows = [("blind", ["chance", *chance, f"majority {majority:.2f}"])]
        rows += [
            (
                "first" if place == 0 else "",
                [escape(name), *(figure_cell(getattr(record, field)) for field in fields)],
            )
            for place, (name, record) in enumerate(found.items())
        ]
        words = (
            f"{escape(first.bank)}; about {first.n_bank} cases in the bank. Balanced accuracy, but "
            "for the last two columns. Intervals are over the subjects that ask; the bank stays."
        )
        parts.append(f"<h2>{title}</h2><p>{words}</p>{html_table(head, rows)}\n")
    return "".join(parts)


def robustness_table(robustness: Robustness | None) -> str:
    """How ranks move under each change."""
    if robustness is None:
        return ""
    head = ["scan", "nearest case stays", "of the 10 nearest stay"]
    head.append("P@1 (every query the same)")
    rows = [("blind", ["unchanged", "", "", figure_cell(robustness.precision_at_1)])]
    rows += [
        (
            "",
            [
                escape(entry.name),
                figure_cell(entry.nearest_stays),
                figure_cell(entry.overlap_at_10),
                figure_cell(entry.precision_at_1),
            ],
        )
        for entry in robustness.changes
    ]
    words = (
        f"{robustness.n_cases} cases were changed a little and looked up again. Ranks that move "
        "much under such changes say little about the patient."
    )
    return f"<h2>Robustness</h2><p>{words}</p>{html_table(head, rows)}\n"


def slice_table(found: Evaluation) -> str:
    """Retrieval by condition and by value of each column."""
    rows = [
        (
            "",
            [
                f"{escape(entry.column)}: {escape(entry.name)}",
                f"{entry.n_queries} of {entry.n_subjects}",
                figure_cell(entry.precision_at_1),
                f"{entry.precision_at_1.chance:.2f}" if entry.precision_at_1 else "",
                figure_cell(entry.average_precision),
                f"{entry.average_precision.chance:.2f}" if entry.average_precision else "",
            ],
        )
        for entry in found.slices
    ]
    head = ["", "cases of subjects", "P@1", "chance", "mAP", "chance"]
    words = "Slices of fewer than five subjects are not shown: they would tell of single patients."
    return f"<h2>Slices</h2><p>{words}</p>{html_table(head, rows)}\n"


def figure_cell(figure: Figure | PairAuc | None) -> str:
    """A figure and its interval."""
    if figure is None:
        return "<span class='soft'>not given</span>"
    return f"{figure.value:.3f}<small>[{figure.low:.2f}, {figure.high:.2f}]</small>"


def _shot(shot: FewShot) -> str:
    return f"{shot.accuracy:.3f}<small>[{shot.low:.2f}, {shot.high:.2f}]</small>"


def _difference(found: Difference | None) -> str:
    if found is None:
        return ""
    p = "p &lt; 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    return (
        f"{found.value:+.3f}<small>[{found.low:+.2f}, {found.high:+.2f}]</small><small>{p}</small>"
    )


def html_table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table in a box: rows of a style ("first", "blind" or "") and cells in HTML."""
    top = "".join(f"<th>{text}</th>" for text in head)
    body = "".join(
        f"<tr class='{kind}'>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        for kind, cells in rows
    )
    return (
        f"<div class='box'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )
