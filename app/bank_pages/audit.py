"""What seems wrong with the bank, in words and pictures. It reads only: nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable

import streamlit as st

from medsiam import Case, MedsiamError, ReferenceBank
from medsiam.bank import Snapshot
from medsiam.evaluation import (
    BankAudit,
    Finding,
    audit_bank,
    audit_document,
    audit_metric,
    audit_page,
    audit_steps,
    list_findings,
)
from shell.plain_text import in_markdown
from shell.thumbnails import STYLE, strip_html

_SEVERITIES = {
    "serious": (":material/error:", "serious: comparisons are likely wrong through it"),
    "look": (":material/visibility:", "somebody should look"),
    "note": (":material/info:", "good to know"),
}
_PICTURES = 8
_KEPT = 4  # audits


def audit_tab(bank: ReferenceBank) -> None:
    """Draw the tab."""
    snapshot = bank.snapshot()
    metric = audit_metric(bank)
    st.caption(
        "Accuracy with each patient left out, near duplicates, labels that do not fit, hubs and "
        "orphans, shortcuts through source or scanner, missing proof. It reads the bank's "
        f"embeddings ({in_markdown(metric)} distance) and changes nothing."
    )
    asked = (str(bank.path), snapshot.version, metric)
    known = _audits().get(asked)
    if st.button("Audit this version", disabled=known is not None, icon=":material/rule:"):
        try:
            known = _run(snapshot, metric)
        except MedsiamError as error:
            st.error(in_markdown(error), icon=":material/error:")
            return
        _keep(asked, known)
        st.rerun()
    if known is None:
        st.info("Not audited yet since the app was started. Press *Audit this version*.")
        return
    _show(known, snapshot, bank)


@st.cache_resource(show_spinner=False)
def _audits() -> dict[tuple[str, int, str], BankAudit]:
    """Audits by bank, version and metric, for all who look."""
    return {}


def _keep(asked: tuple[str, int, str], audit: BankAudit) -> None:
    kept = _audits()
    kept[asked] = audit
    while len(kept) > _KEPT:
        kept.pop(next(iter(kept)))


def _run(snapshot: Snapshot, metric: str) -> BankAudit:
    bar = st.progress(0.0, text="Examining ...")
    audit = audit_bank(
        snapshot,
        metric=metric,
        advance=_stepper(bar.progress, audit_steps(snapshot, metric=metric)),
    )
    bar.empty()
    return audit


def _stepper(show: Callable[..., object], n_steps: int) -> Callable[[], None]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        show(min(1.0, done / n_steps), text=f"Examining: {min(done, n_steps)} of {n_steps} steps")

    return advance


def _show(audit: BankAudit, snapshot: Snapshot, bank: ReferenceBank) -> None:
    st.html(STYLE)
    findings = list_findings(audit)
    serious = sum(finding.severity == "serious" for finding in findings)
    said, buttons = st.columns([3, 2], vertical_alignment="bottom")
    said.markdown(
        f"**{len(findings)} findings, {serious} of them serious**, on {audit.n_cases} cases of "
        f"{audit.n_patients} patients in {len(audit.conditions)} conditions."
    )
    with buttons.container(horizontal=True, horizontal_alignment="right"):
        _downloads(audit, snapshot, bank)
    by_id = {case.case_id: case for case in snapshot.cases}
    for number, finding in enumerate(findings, start=1):
        _show_finding(number, finding, bank, by_id)
    with st.expander("Labels that fit least: look at these first, none is proven wrong"):
        _show_conflicts(audit, bank, by_id)
    with st.expander("As a table"):
        st.dataframe(finding_rows(findings), hide_index=True, alt="All findings")


def finding_rows(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
    """Findings as lines of a table."""
    return [
        {
            "how bad": finding.severity,
            "about": finding.about,
            "what was found": finding.text,
            "what to do": finding.advice,
            "cases": ", ".join(finding.case_ids),
        }
        for finding in findings
    ]


def _show_finding(
    number: int, finding: Finding, bank: ReferenceBank, by_id: dict[str, Case]
) -> None:
    icon, meaning = _SEVERITIES[finding.severity]
    with st.container(border=True):
        words, shown = st.columns([3, 2], gap="medium")
        words.markdown(
            f"{icon} **{number}. {in_markdown(finding.about)}** · {meaning}  \n"
            f"{in_markdown(_sentence(finding.text))}  \n"
            f"*What to do:* {in_markdown(_sentence(finding.advice))}"
        )
        cases = [by_id[name] for name in finding.case_ids[:_PICTURES] if name in by_id]
        if cases:
            shown.html(strip_html(bank, [(case, "") for case in cases]))


def _show_conflicts(audit: BankAudit, bank: ReferenceBank, by_id: dict[str, Case]) -> None:
    if not audit.label_conflicts:
        st.caption("No label stands out.")
        return
    shown = audit.label_conflicts[:_PICTURES]
    st.html(
        strip_html(bank, [(by_id[one.case_id], f"looks like {one.looks_like}") for one in shown])
    )
    st.dataframe(
        [
            {
                "case": one.case_id,
                "labelled": one.condition,
                "looks like": one.looks_like,
                "of 5 nearest: own": one.n_own,
                "other": one.n_other,
                "strong": one.strong,
            }
            for one in audit.label_conflicts
        ],
        hide_index=True,
        alt="Labels that fit least",
    )


def _downloads(audit: BankAudit, snapshot: Snapshot, bank: ReferenceBank) -> None:
    document = {"name": bank.name, **audit_document(audit)}
    st.download_button(
        "Report (HTML)",
        lambda: audit_page(audit, snapshot, name=bank.name).encode(),
        file_name="audit.html",
        mime="text/html",
        on_click="ignore",
        icon=":material/download:",
    )
    st.download_button(
        "Everything (JSON)",
        lambda: json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode(),
        file_name="audit.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
