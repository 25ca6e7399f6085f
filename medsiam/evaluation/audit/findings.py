"""What an audit means: findings in plain words, the worst first, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medsiam.evaluation.audit.result import BankAudit
from medsiam.evaluation.audit.shortcuts import Shortcut
from medsiam.evaluation.result import Figure

SEVERITIES = ("serious", "look", "note")
_NAMED = 5  # in a sentence; the document has all
_UNEVEN = 1.4  # skewness of occurrences above which few cases dominate


@dataclass(frozen=True)
class Finding:
    """One thing that a curator should know.

    Attributes:
        severity: "serious": comparisons are likely wrong through it; "look": somebody should
            look; "note": good to know.
        about: stable word for its kind.
        text: what was found.
        advice: what to do.
        case_ids: the cases it is about, where they can be named.
    """

    severity: str
    about: str
    text: str
    advice: str
    case_ids: tuple[str, ...] = ()


def list_findings(audit: BankAudit) -> tuple[Finding, ...]:
    """All findings, the worst first."""
    found = [
        *_accuracy(audit),
        *_origins(audit),
        *_duplicates(audit),
        *_conflicts(audit),
        *_betrayal(audit),
        *_provenance(audit),
        *_hubs(audit),
        *_curves(audit),
    ]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _duplicates(audit: BankAudit) -> Iterator[Finding]:
    for pair in audit.near_duplicates:
        conditions = (
            f"both {pair.condition_a}"
            if pair.condition_a == pair.condition_b
            else f"one {pair.condition_a}, one {pair.condition_b}"
        )
        yield Finding(
            "serious",
            "near duplicate",
            f"cases {pair.case_a} and {pair.case_b} ({conditions}) belong to two patients but "
            f"{'show the same picture, and ' if pair.same_picture else ''}lie "
            f"{pair.distance:.3g} apart, where {pair.median:.3g} is usual: perhaps one patient "
            "twice, which makes accuracy look better than it is",
            "look at both; if they are one patient, remove one of them, or add it again under the "
            "same patient_id",
            (pair.case_a, pair.case_b),
        )


def _conflicts(audit: BankAudit) -> Iterator[Finding]:
    advice = (
        "check the diagnosis against its proof; a case that is wrong is removed and added again "
        "under the right condition"
    )
    weaker = []
    for conflict in audit.label_conflicts:
        if not conflict.strong:
            weaker.append(conflict)
            continue
        yield Finding(
            "serious",
            "label conflict",
            f"case {conflict.case_id} is labelled {conflict.condition} but lies among "
            f"{conflict.looks_like}: {conflict.n_other} of its five nearest patients, none of its "
            f"own; mean distance {conflict.other_distance:.3g} to them and "
            f"{conflict.own_distance:.3g} to {conflict.condition}",
            advice,
            (conflict.case_id,),
        )
    if weaker:
        names = [f"{c.case_id} ({c.condition}, looks like {c.looks_like})" for c in weaker]
        yield Finding(
            "look",
            "label conflict",
            f"labels that fit less well than others, the least fitting first: {listed(names)}",
            "look at the table of labels that fit least, from its top; they may be hard cases "
            "rather than wrong ones",
            tuple(c.case_id for c in weaker),
        )


def _accuracy(audit: BankAudit) -> Iterator[Finding]:
    balanced = audit.accuracy.balanced["nearest"]
    if balanced is None:
        yield Finding(
            "serious",
            "accuracy",
            "every condition has one patient only: nothing can be said of how well they are told "
            "apart",
            "add a second and third patient to each condition",
        )
    elif balanced.low <= balanced.chance:
        yield Finding(
            "serious",
            "accuracy",
            f"conditions are not shown to be told better than blindly: balanced accuracy "
            f"{_figure(balanced)}, chance {balanced.chance:.2f}",
            "do not use this bank for comparisons before more patients, or another encoder, show "
            "otherwise",
        )
    blind = []
    for entry in audit.accuracy.conditions:
        best = [figure for figure in entry.by_rule.values() if figure is not None]
        if best and all(figure.low <= figure.chance for figure in best) and entry.n_patients > 2:
            nearest = entry.by_rule["nearest"]
            blind.append(f"{entry.condition} ({nearest.value:.0%})" if nearest else "")
    if blind:
        yield Finding(
            "look",
            "accuracy",
            f"conditions not shown to be found better than blindly, by any rule: {listed(blind)}",
            "do not trust a match with them; add patients, or see whether they can be told at all",
        )
    few = audit.provenance.few_patients
    if few:
        names = [f"{name} ({n})" for name, n in few.items()]
        yield Finding(
            "look",
            "few patients",
            f"fewer than 3 patients, so that a match hangs on one or two of them: {listed(names)}",
            "add patients of these conditions, or read their matches as a hint only",
        )


def _origins(audit: BankAudit) -> Iterator[Finding]:
    for entry in audit.shortcuts:
        if len(entry.values) > 1:
            yield from _origin(entry)
    if not any(len(entry.values) > 1 for entry in audit.shortcuts):
        yield Finding(
            "note",
            "origin",
            "no two sources, sites, scanners or modalities are recorded, so that a shortcut "
            "through them cannot be looked for",
            "fill the columns source, site and scanner of the case table where they are known",
        )


def _origin(entry: Shortcut) -> Iterator[Finding]:
    probe = entry.probe.nearest if entry.probe else None
    told = probe is not None and probe.low > probe.chance
    how = (
        f"; the nearest case of another patient tells the {entry.column} in {probe.value:.0%} "
        f"(chance {probe.chance:.0%})"
        if probe
        else ""
    )
    if entry.only:
        names = [f"{condition} ({value})" for condition, value in entry.only.items()]
        yield Finding(
            "serious" if told else "look",
            "origin",
            f"conditions from one {entry.column} only: {listed(names)}; Cramer's V of condition "
            f"and {entry.column} {entry.cramers_v or 0.0:.2f}{how}: a match may mean the "
            f"{entry.column}, not the condition",
            f"add cases of these conditions from another {entry.column}, or compare within one "
            f"{entry.column}",
        )
    within = entry.within_condition
    if within is not None and within.low > within.chance:
        yield Finding(
            "look",
            "origin",
            f"within a condition the nearest case has the same {entry.column} in "
            f"{_percent(within)}, where {within.chance:.0%} is blind: the embeddings carry the "
            f"{entry.column}",
            f"trust matches from another {entry.column} more than those from the query's own",
        )


def _betrayal(audit: BankAudit) -> Iterator[Finding]:
    found = audit.reidentification
    if found is None:
        yield Finding(
            "note",
            "privacy",
            "how well the embeddings betray the patient was not measured, so nothing is claimed "
            "about privacy",
            "run the audit with --reidentify before the bank is given to anybody",
        )
        return
    for entry in found.measured:
        if entry.within_condition:
            continue
        auc, first = entry.auc, entry.precision_at_1
        betrays = auc.low > 0.5
        yield Finding(
            "look" if betrays else "note",
            "privacy",
            f"{entry.vectors} {'betray' if betrays else 'are not shown to betray'} the patient "
            f"({entry.question}): the right patient's scan is the nearest in {_percent(first)} "
            f"(chance {first.chance:.1%}), AUC {_figure(auc)}",
            "treat the bank as personal data, with or without pixels"
            if betrays
            else "this is no proof of privacy: another method may find more",
        )
    if not found.measured:
        yield Finding(
            "note",
            "privacy",
            f"{found.reason}; nothing is claimed about privacy",
            "treat the bank as personal data",
        )


def _provenance(audit: BankAudit) -> Iterator[Finding]:
    facts = audit.provenance
    for cases, what in ((facts.without_proof, "proof"), (facts.without_licence, "licence")):
        if cases:
            yield Finding(
                "look",
                "provenance",
                f"{len(cases)} of {facts.n_cases} cases have no {what}: {listed(cases)}",
                f"find out and add them again with their {what}, or remove them",
                cases,
            )
    if facts.single_reader > 0.5:
        yield Finding(
            "look",
            "provenance",
            f"{facts.single_reader:.0%} of the diagnoses rest on a single reader",
            "have a second reader, or histology, genetics or follow-up, confirm them",
        )
    if facts.without_patient:
        yield Finding(
            "look",
            "provenance",
            f"{facts.without_patient} of {facts.n_cases} cases came without patient or group; each "
            "counts as a patient, so that accuracy may be too good",
            "fill patient_id (or group) in the case table and add them again",
        )


def _hubs(audit: BankAudit) -> Iterator[Finding]:
    hubs = audit.hubs
    bad = [hub for hub in hubs.hubs if 2 * hub.n_wrong > hub.n_near]
    if bad:
        names = [f"{h.case_id} ({h.condition}: {h.n_wrong} of {h.n_near} wrong)" for h in bad]
        yield Finding(
            "look",
            "hub",
            f"cases that are near to unduly many others, mostly of other conditions: "
            f"{listed(names)}",
            "look at them: a poor or empty image is near to everything; remove it if so",
            tuple(h.case_id for h in bad),
        )
    if hubs.orphans:
        names = [f"{o.case_id} ({o.condition}, {o.ratio:.1f} x usual)" for o in hubs.orphans]
        yield Finding(
            "look",
            "orphan",
            f"cases far from everything else: {listed(names)}",
            "look at them: another modality, view or a damaged image does this; or a rare form",
            tuple(o.case_id for o in hubs.orphans),
        )
    if hubs.skewness > _UNEVEN:
        yield Finding(
            "note",
            "hub",
            f"a few cases are the neighbours of many (skewness {hubs.skewness:.1f}); "
            f"{hubs.n_never} of {audit.n_cases} are among nobody's nearest {hubs.k} patients",
            "rank by votes or prototypes, which hubs sway less",
        )


def _curves(audit: BankAudit) -> Iterator[Finding]:
    rising = [c for c in audit.learning_curves if c.trend == "rising" and c.rise is not None]
    if rising:
        rising.sort(key=lambda curve: -(curve.rise or 0.0))
        names = [
            f"{c.condition} ({100 * (c.rise or 0.0):+.0f} points from {c.half} to "
            f"{c.points[-1].n_patients})"
            for c in rising
        ]
        yield Finding(
            "note",
            "more patients",
            f"conditions that more patients would still help: {listed(names)}",
            "collect these first",
        )


def _figure(figure: Figure) -> str:
    return f"{figure.value:.2f} (95 % interval {figure.low:.2f} to {figure.high:.2f})"


def _percent(figure: Figure) -> str:
    return f"{figure.value:.0%} (95 % interval {figure.low:.0%} to {figure.high:.0%})"
