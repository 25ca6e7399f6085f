"""The page stands alone, escapes what it shows and names no patient."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np

from medsiam.evaluation import audit_bank, audit_page
from tests.evaluation.audit.samples import clusters, make_snapshot


class Checker(HTMLParser):
    """Every tag that is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "path", "use", "rect", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag


def test_the_page_of_a_bank():
    plain = clusters(6, apart=3, d=8)
    names = [case.condition for case in plain.cases]
    names = ["<b>PAP & co</b>" if name == "PAP" else name for name in names]
    patients = [f"secret{n}" for n in range(17)] + ["secret0"]
    sources = ["x"] * 9 + ["<y>"] * 9
    snapshot = make_snapshot(plain.embeddings, names, patients, phases=("ED", "ES"), source=sources)
    audit = audit_bank(snapshot, reidentify=True, pixels=np.eye(18, 6))
    page = audit_page(audit, snapshot, name="bank <1>")
    assert not re.findall(r"<script|(?:src|href)=[\"'](?!#|data:)|url\((?!#)", page)
    assert "<b>PAP" not in page
    assert "bank &lt;1&gt;, version 3" in page
    assert "secret" not in page
    assert page.count("Not a medical device") == 2
    for title in ("Findings", "Labels that fit least", "One patient twice?", "Shortcuts"):
        assert title in page
    assert page.count("<svg") == 4
    checker = Checker()
    checker.feed(page)
    assert not checker.open


def test_without_reidentification_nothing_is_claimed():
    snapshot = clusters(3)
    page = audit_page(audit_bank(snapshot), snapshot, name="bank")
    assert "nothing is claimed about privacy" in page
