"""Findings come worst first, each with what to do, and claim no privacy that was not measured."""

from __future__ import annotations

import numpy as np

from medsiam.evaluation import audit_bank, list_findings
from medsiam.evaluation.audit.findings import SEVERITIES, listed
from tests.evaluation.audit.samples import clusters, examined, make_snapshot


def about(audit, kind):
    return [finding for finding in list_findings(audit) if finding.about == kind]


def test_the_worst_come_first_and_each_says_what_to_do():
    findings = list_findings(examined())
    order = [SEVERITIES.index(finding.severity) for finding in findings]
    assert order == sorted(order)
    for finding in findings:
        assert finding.advice
        assert finding.text[-1] not in ".!"


def test_a_spoilt_bank():
    snapshot = clusters(8, apart=8)
    x, names = snapshot.embeddings.copy(), [case.condition for case in snapshot.cases]
    names[2] = "UIP"
    x[12] = x[11]
    x[20] += 500
    proofs = ["none", *["single reader"] * 23]
    spoilt = make_snapshot(x, names, [*range(23), None], proof=proofs, licence=[None] * 24)
    audit = audit_bank(spoilt, metric="euclidean")
    (duplicate,) = about(audit, "near duplicate")
    assert duplicate.case_ids == ("case-011", "case-012")
    assert "perhaps one patient twice" in duplicate.text
    conflict = about(audit, "label conflict")[0]
    assert (conflict.severity, conflict.case_ids) == ("serious", ("case-002",))
    assert "labelled UIP but lies among LAM" in conflict.text
    assert about(audit, "orphan")[0].case_ids == ("case-020",)
    provenance = " | ".join(finding.text for finding in about(audit, "provenance"))
    assert "1 of 24 cases have no proof: case-000" in provenance
    assert "24 of 24 cases have no licence" in provenance
    assert "96% of the diagnoses rest on a single reader" in provenance
    assert "1 of 24 cases came without patient" in provenance


def test_blind_and_tiny_banks():
    blind = audit_bank(clusters(8, apart=0), metric="euclidean")
    assert "not shown to be told better than blindly" in about(blind, "accuracy")[0].text
    x = np.random.default_rng(0).normal(size=(3, 4))
    tiny = audit_bank(make_snapshot(x, ["LAM", "PAP", "UIP"], range(3)))
    assert "every condition has one patient only" in about(tiny, "accuracy")[0].text
    assert "LAM (1), PAP (1), UIP (1)" in about(tiny, "few patients")[0].text


def test_origins():
    shortcut = clusters(8, apart=8, source=["x"] * 8 + ["y"] * 16)
    (found,) = about(audit_bank(shortcut), "origin")
    assert found.severity == "serious"
    assert "conditions from one source only: LAM (x), PAP (y), UIP (y)" in found.text
    (nothing,) = about(audit_bank(clusters(8)), "origin")
    assert "cannot be looked for" in nothing.text


def test_privacy_is_never_claimed_without_a_number():
    (unasked,) = about(examined(), "privacy")
    assert "nothing is claimed about privacy" in unasked.text
    (impossible,) = about(examined(reidentify=True), "privacy")
    assert "fewer than two patients of this bank have two scans" in impossible.text
    who = np.random.default_rng(0).normal(size=(24, 4))
    names = [case.condition for case in clusters(8).cases]
    joined = make_snapshot(np.hstack([who, who]), names, range(24), phases=("ED", "ES"))
    (betrayed,) = about(audit_bank(joined, reidentify=True), "privacy")
    assert "embeddings betray the patient (other phase)" in betrayed.text
    assert "AUC 1.00" in betrayed.text
    noise = np.random.default_rng(1).normal(size=(24, 8))
    joined = make_snapshot(noise, names, range(24), phases=("ED", "ES"))
    (silent,) = about(audit_bank(joined, reidentify=True), "privacy")
    assert "not shown to betray" in silent.text
    assert "no proof of privacy" in silent.advice


def test_long_lists_are_cut():
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
