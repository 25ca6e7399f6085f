"""The page: whole, safe whatever the names are, and what a browser makes of it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsiam.comparison import RESEARCH_USE, compare_embedding
from medsiam.errors import OutputError
from medsiam.reports import write_page
from medsiam.scans.scan import Scan
from tests.comparison.stub_bank import StubBank, make_scan, ring_bank
from tests.reports.page_reader import read_page
from tests.reports.test_review_words import make_comparison, make_reviews


def write(tmp_path, bank: StubBank, scan, *, shift=0.0, **settings):
    embedding = bank.embeddings[0] + np.float32(shift)
    comparison = compare_embedding(embedding, scan, bank, metric="euclidean", **settings)
    path = tmp_path / "page.html"
    write_page(comparison, scan, bank, path)
    return comparison, read_page(path)


def with_pictures(bank: StubBank, scan=None) -> StubBank:
    bank.kept = {case.case_id: (scan or make_scan(),) for case in bank.cases}
    return bank


def test_everything_a_reader_needs(tmp_path):
    bank = with_pictures(ring_bank(conditions=("thin shell", "cyst", "spiculated")))
    comparison, page = write(tmp_path, bank, make_scan(warnings=("Odd spacing.",)), k=4)
    assert comparison.verdict.text in page.text
    assert page.text.count(RESEARCH_USE) == 2
    assert page.text.strip().startswith(f"medsiam: study {make_scan().content_hash[:12]}")
    assert page.text.strip().endswith(RESEARCH_USE)
    for note in ("Odd spacing.", *comparison.notes):
        assert note in page.text
    for entry in comparison.conditions:
        assert entry.condition in page.text
        assert entry.nearest_case_id in page.text
    for match in comparison.matches:
        assert match.case_id in page.text
        assert match.patient in page.text
        assert f"{match.distance:.2f}" in page.text
    for fact in ("euclidean", "f" * 64, *comparison.query.content_hashes, "stub, version 1"):
        assert fact in page.text
    assert len(page.pictures()) == 5


def test_bars_and_the_limit_are_in_proportion(tmp_path):
    comparison, page = write(tmp_path, ring_bank(conditions=("A", "B", "C")), make_scan())
    widths = [float(re.search(r"width:([\d.]+)%", a["style"])[1]) for a in page.of_class("fill")]
    ticks = [float(re.search(r"left:([\d.]+)%", a["style"])[1]) for a in page.of_class("tick")[:3]]
    distances = [entry.distance for entry in comparison.conditions]
    scale = widths[-1] / distances[-1]
    assert widths == pytest.approx([d * scale for d in distances], abs=0.02)
    assert ticks == pytest.approx([comparison.verdict.threshold * scale] * 3, abs=0.02)
    assert max(widths) < 100
    assert len(page.of_class("within")) == sum(d <= comparison.verdict.threshold for d in distances)


@pytest.mark.parametrize(
    ("shift", "modality", "n_patients", "tone"),
    [
        (0.0, None, 12, "nearest"),
        (90.0, None, 12, "none-of-these"),
        (0.0, "CT", 12, "out-of-scope"),
        (0.0, None, 4, "undecided"),
    ],
)
def test_every_outcome_has_its_page(tmp_path, shift, modality, n_patients, tone):
    bank = ring_bank(n_patients)
    bank.cases = tuple(replace(case, modality="DX") for case in bank.cases)
    scan = make_scan(modality=modality)
    comparison, page = write(tmp_path, bank, scan, shift=shift)
    assert page.all("body")[0]["class"] == tone
    assert comparison.verdict.outcome.replace(" ", "-") == tone
    beyond = page.text.count("beyond the bank's limit")
    assert beyond == (5 if tone == "none-of-these" else beyond)
    assert bool(page.of_class("tick")) == (tone != "undecided")


EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&"


def test_no_name_can_become_markup(tmp_path):
    bank = ring_bank(3, conditions=(EVIL, "other"))
    bank.name = EVIL
    bank.cases = tuple(
        replace(
            case,
            case_id=f"{EVIL}{i}",
            source=EVIL,
            licence=EVIL,
            proof=EVIL,
            notes=EVIL,
            modality=EVIL,
            phases=(EVIL,),
        )
        for i, case in enumerate(bank.cases)
    )
    with_pictures(bank)
    scan = make_scan(
        modality=EVIL, body_part=EVIL, series_uid=EVIL, warnings=(EVIL,), window=(1.0, 2.0)
    )
    comparison, page = write(tmp_path, bank, scan)
    assert not page.all("script")
    assert {name for tag, attributes in page.tags for name in attributes} <= {
        *("lang", "charset", "http-equiv", "content", "name", "class", "style", "alt", "src")
    }
    assert len(page.pictures()) == 1 + len(comparison.matches)
    assert page.text.count(EVIL) > 20  # shown as it is, as text
    policy = page.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy


def test_nothing_is_fetched(tmp_path):
    write(tmp_path, with_pictures(ring_bank()), make_scan())
    html = (tmp_path / "page.html").read_text("utf-8")
    assert not re.search(r"https?://|url\(|@import|<link|<script|<iframe", html)


def test_no_identifier_on_the_page(tmp_path):
    scan = make_scan(patient_id="SECRET-17", warnings=("SECRET-17 is odd",))
    comparison, _ = write(tmp_path, ring_bank(), scan)
    html = (tmp_path / "page.html").read_text("utf-8")
    assert "SECRET" not in html
    assert comparison.query.patient in html


def test_no_file_is_named(tmp_path):
    scan = make_scan(sources=(Path("/in/DOE^JANE/DOE.png"),), warnings=("DOE.png is odd",))
    write(tmp_path, ring_bank(), scan)
    html = (tmp_path / "page.html").read_text("utf-8")
    assert "DOE" not in html
    assert "[file] is odd" in html


def test_what_readers_said_is_shown_as_text(tmp_path):
    comparison = make_comparison()
    reviews = [replace(one, comment=EVIL) for one in make_reviews(comparison)]
    write_page(comparison, make_scan(), ring_bank(), tmp_path / "page.html", reviews=reviews)
    page = read_page(tmp_path / "page.html")
    assert not page.all("script")
    for said in ("What readers said", "plausible, withdrawn", "withdrew 1", "none of these"):
        assert said in page.text
    assert page.text.count(EVIL) == 3
    assert "eve" not in page.text.split()
    assert f"Review 4 of this bank has the digest {'4' * 64}" in page.text
    write_page(comparison, make_scan(), ring_bank(), tmp_path / "page.html")
    assert "What readers said" not in (tmp_path / "page.html").read_text("utf-8")


def test_a_case_that_left_the_bank_meanwhile(tmp_path):
    bank = ring_bank()
    comparison = compare_embedding(bank.embeddings[0], make_scan(), bank)
    old = bank.snapshot()
    bank.cases, bank.embeddings, bank.version = bank.cases[4:], bank.embeddings[4:], 2
    bank.snapshot = lambda version=None, now=bank.snapshot: old if version == 1 else now()
    write_page(comparison, make_scan(), bank, tmp_path / "page.html")
    page = read_page(tmp_path / "page.html")
    assert "case-00-0" in page.text
    assert "histology" in page.text


def test_a_place_that_cannot_be_written(tmp_path):
    bank = ring_bank()
    comparison = compare_embedding(bank.embeddings[0], make_scan(), bank)
    with pytest.raises(OutputError, match="cannot write"):
        write_page(comparison, make_scan(), bank, tmp_path)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: the page cannot be tried in a browser")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


def test_slices_move_together_in_a_browser(tmp_path, browser):
    def stack(seed):
        values = np.random.default_rng(seed).normal(size=(16, 16, 21)).astype(np.float32)
        return Scan(array=values, spatial_dims=3, affine=np.diag([-1.0, -1, 1, 1]))

    bank = with_pictures(ring_bank(spatial_dims=3), stack(1))
    write(tmp_path, bank, stack(0), k=3)
    tab = browser.new_page(viewport={"width": 1280, "height": 1600})
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((tmp_path / "page.html").as_uri())

    def shown() -> list[str]:
        return [caption.inner_text() for caption in tab.locator("figcaption:visible").all()]

    assert shown() == ["axial, R on the left, slice 11 of 21"] * 4
    tab.locator(".slider label").nth(6).click()
    assert shown() == ["axial, R on the left, slice 20 of 21"] * 4
    tab.keyboard.press("ArrowLeft")
    assert shown() == ["axial, R on the left, slice 17 of 21"] * 4
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    tab.emulate_media(media="print")
    assert len(shown()) == 4 * 7
    assert complaints == []
    tab.close()
