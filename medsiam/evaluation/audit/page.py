"""An audit as one self-contained HTML page: no script, nothing fetched, plots inside."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from medsiam.bank import Snapshot
from medsiam.evaluation.audit.accuracy import RULES
from medsiam.evaluation.audit.findings import list_findings
from medsiam.evaluation.audit.plots import accuracy_bars, learning_lines, occurrence_histogram
from medsiam.evaluation.audit.result import BankAudit
from medsiam.evaluation.embedding_map import map_embeddings
from medsiam.evaluation.page_tables import figure_cell, html_table
from medsiam.evaluation.plots import scatter_map
from medsiam.evaluation.result import Figure
from medsiam.evaluation.shell import figure_grid, self_contained


def audit_page(audit: BankAudit, snapshot: Snapshot, *, name: str) -> str:
    """Show an audit to a person.

    Args:
        audit: of the snapshot.
        snapshot: for the map of its embeddings.
        name: of the bank.

    Returns:
        the whole page. It names cases, and no patient.
    """
    body = "".join(
        (
            _head(audit, name),
            _findings(audit),
            _conflicts(audit),
            f"<h2>Pictures</h2>{figure_grid(_drawn(audit, snapshot))}",
            _accuracy(audit),
            _curves(audit),
            _duplicates(audit),
            _origins(audit),
            _betrayal(audit),
            _provenance(audit),
        )
    )
    return self_contained("audit", name, body)


def _head(audit: BankAudit, name: str) -> str:
    cards = "".join(
        f"<div class='card'><span>{title}</span><b>{figure.value:.2f}</b>"
        f"<span>95 % interval {figure.low:.2f} to {figure.high:.2f}</span>"
        f"<span>chance {figure.chance:.2f}; conditions weigh the same</span></div>"
        for title, rule in (
            ("found by the nearest patient", "nearest"),
            ("found by a vote of five", "vote"),
            ("found by the prototype", "prototype"),
        )
        if (figure := audit.accuracy.balanced[rule]) is not None
    )
    return (
        f"<h1>{escape(name)}, version {audit.version}</h1>\n"
        f"<p class='soft'>{audit.n_cases} cases of {audit.n_patients} patients in "
        f"{len(audit.conditions)} conditions; {audit.metric} distance; each patient is left out in "
        f"turn.</p>\n<div class='cards'>{cards}</div>\n"
    )


def _findings(audit: BankAudit) -> str:
    rows = [
        (
            "first" if finding.severity == "serious" else "",
            [finding.severity, escape(finding.text), escape(finding.advice)],
        )
        for finding in list_findings(audit)
    ]
    return f"<h2>Findings, the worst first</h2>{html_table(['', 'what', 'what to do'], rows)}\n"


def _drawn(audit: BankAudit, snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    yield (
        "Condition by condition",
        accuracy_bars(audit.accuracy, rule="nearest"),
        "How often a case's nearest other patient has its condition; number of patients in "
        "brackets. Black lines: 95 % intervals over patients.",
    )
    yield (
        "How many more patients would help",
        learning_lines(audit.learning_curves),
        "Share of a condition's cases that are found less the share of other cases wrongly taken "
        "for it, while all other conditions stay. A line still rising at its end: more patients "
        "help. 0 is blind.",
    )
    placed = map_embeddings(
        snapshot.embeddings,
        metric="cosine" if audit.metric == "cosine" else "euclidean",
        random_state=0,
    )
    conditions = np.array([case.condition for case in snapshot.cases])
    ringed = {conflict.case_id for conflict in audit.label_conflicts}
    rings = np.array([case.case_id in ringed for case in snapshot.cases], dtype=bool)
    yield (
        "Map of the embeddings",
        scatter_map(placed, conditions, rings),
        f"Each mark is a case; rings: labels that fit least. Placed by {placed.method}. No figure "
        "comes from it.",
    )
    yield (
        "Hubs",
        occurrence_histogram(audit.hubs),
        f"Skewness {audit.hubs.skewness:.2f} (0 = even); {audit.hubs.n_never} cases are among "
        "nobody's nearest.",
    )


def _accuracy(audit: BankAudit) -> str:
    head = ["", "cases of patients", *RULES, "chance of nearest"]
    rows = []
    for title, figures in (
        ("balanced", audit.accuracy.balanced),
        ("every case the same", audit.accuracy.plain),
    ):
        nearest = figures["nearest"]
        blind = ""
        if nearest is not None:
            blind = f"{nearest.chance:.2f}<small>majority {nearest.majority or 0:.2f}</small>"
        size = f"{audit.n_cases} of {audit.n_patients}"
        rows.append(("first", [title, size, *map(figure_cell, figures.values()), blind]))
    for entry in audit.accuracy.conditions:
        nearest = entry.by_rule["nearest"]
        cells = [escape(entry.condition), f"{entry.n_cases} of {entry.n_patients}"]
        cells += [figure_cell(figure) for figure in entry.by_rule.values()]
        rows.append(("", [*cells, f"{nearest.chance:.2f}" if nearest else ""]))
    words = (
        "Each case is named by the cases of all other patients. Intervals are over patients, as "
        "those who ask and as references."
    )
    return f"<h2>Accuracy</h2><p>{words}</p>{html_table(head, rows)}\n"


def _curves(audit: BankAudit) -> str:
    lines = "".join(f"<li>{escape(curve.text)}</li>" for curve in audit.learning_curves)
    return (
        "<h2>More patients?</h2><p>Gain = share of its cases that are found, less the share of "
        f"other cases wrongly taken for it.</p><ul>{lines}</ul>\n"
    )


def _conflicts(audit: BankAudit) -> str:
    rows = [
        (
            "first" if c.strong else "",
            [
                escape(c.case_id),
                escape(c.condition),
                escape(c.looks_like),
                f"{c.score:.2f}",
                f"{c.own_distance:.3f}",
                f"{c.other_distance:.3f}",
                f"{c.n_own} and {c.n_other}",
            ],
        )
        for c in audit.label_conflicts
    ]
    head = [
        "case",
        "labelled",
        "looks like",
        "score",
        "to its own",
        "to the other",
        "of 5 nearest: own, other",
    ]
    words = (
        "Ten cases, or one in twenty where that is more, by how little their label fits; strong "
        "conflicts are marked. No case is proven wrong by this: it says where to look, from the "
        "top."
    )
    return f"<h2>Labels that fit least</h2><p>{words}</p>{_or_none(head, rows)}\n"


def _duplicates(audit: BankAudit) -> str:
    rows = [
        (
            "first",
            [
                f"{escape(pair.case_a)}<small>{escape(pair.condition_a)}</small>",
                f"{escape(pair.case_b)}<small>{escape(pair.condition_b)}</small>",
                f"{pair.distance:.4f}",
                f"{pair.median:.4f}",
            ],
        )
        for pair in audit.near_duplicates
    ]
    head = ["case", "case of another patient", "distance", "usual distance to the nearest"]
    return f"<h2>One patient twice?</h2>{_or_none(head, rows)}\n"


def _origins(audit: BankAudit) -> str:
    rows = []
    for entry in audit.shortcuts:
        values = ", ".join(f"{escape(value)} ({n})" for value, n in entry.values.items())
        only = ", ".join(f"{escape(c)} ({escape(v)})" for c, v in entry.only.items())
        linear = entry.probe.linear if entry.probe else None
        rows.append(
            (
                "",
                [
                    f"{entry.column}<small>{entry.n_unknown} unknown</small>",
                    values,
                    _with_chance(entry.probe.nearest if entry.probe else None),
                    _with_chance(linear),
                    _with_chance(entry.within_condition),
                    "" if entry.cramers_v is None else f"{entry.cramers_v:.2f}",
                    only,
                ],
            )
        )
    head = [
        "",
        "patients of each",
        "told by the nearest",
        "told by a linear probe",
        "by the nearest of its condition",
        "Cramer's V with condition",
        "conditions with one only",
    ]
    words = (
        "What embeddings know of a case's origin they may use in place of its condition. Cramer's "
        "V: 0 = condition and origin are independent, 1 = one tells the other."
    )
    return f"<h2>Shortcuts</h2><p>{words}</p>{_or_none(head, rows)}\n"


def _betrayal(audit: BankAudit) -> str:
    found = audit.reidentification
    if found is None:
        return (
            "<h2>Re-identification</h2><p>Not measured, so nothing is claimed about privacy. Run "
            "the audit with --reidentify.</p>\n"
        )
    rows = [
        (
            "",
            [
                entry.vectors,
                entry.question,
                "its own condition" if entry.within_condition else "everybody",
                figure_cell(entry.auc),
                figure_cell(entry.precision_at_1),
                f"{entry.precision_at_1.chance:.3f}",
            ],
        )
        for entry in found.measured
    ]
    head = ["by", "looked for", "among", "AUC (chance 0.5)", "P@1", "chance of P@1"]
    reason = f"<p>{escape(found.reason)}.</p>" if found.reason else ""
    return (
        "<h2>Re-identification</h2><p>How well the patient is found by another scan of his. A low "
        "figure is no proof of privacy: another method may find more.</p>"
        f"{reason}{_or_none(head, rows)}\n"
    )


def _provenance(audit: BankAudit) -> str:
    facts = audit.provenance
    rows = [("", [escape(proof), str(n)]) for proof, n in facts.proofs.items()]
    words = (
        f"{len(facts.without_proof)} cases without proof, {len(facts.without_licence)} without "
        f"licence, {facts.without_patient} without patient."
    )
    table = html_table(["proof", "cases"], rows)
    return f"<h2>Provenance</h2><p>{words}</p>{table}\n"


def _with_chance(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{figure_cell(figure)}<small>chance {figure.chance:.2f}</small>"


def _or_none(head: list[str], rows: list[tuple[str, list[str]]]) -> str:
    return html_table(head, rows) if rows else "<p class='soft'>None.</p>"
