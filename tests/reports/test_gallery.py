"""The query beside its matches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medsiam.comparison import compare_embedding
from medsiam.reports.gallery import gallery, pick_rules, picks
from medsiam.scans.scan import Scan
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports.page_reader import PageReader

NEAREST = "case-00-0"  # to the query of `show`


def volume(seed: int, n_slices: int = 9, **facts) -> Scan:
    values = np.random.default_rng(seed).normal(size=(6, 6, n_slices)).astype(np.float32)
    return Scan(array=values, spatial_dims=3, affine=np.diag([-1.0, -1, 1, 1]), **facts)


def show(query_scans, kept, *, k=3, phases=("",), **case_facts) -> PageReader:
    bank = ring_bank(spatial_dims=query_scans[0].spatial_dims)
    facts = {"phases": phases, **case_facts}
    bank.cases = tuple(replace(case, **facts) for case in bank.cases)
    comparison = compare_embedding(
        bank.embeddings[0] + np.float32(0.3), query_scans, bank, k=k, metric="euclidean"
    )
    cases = {case.case_id: case for case in bank.cases}
    return PageReader(gallery(comparison, query_scans, cases, kept_scans=kept))


def test_frames_of_query_and_matches_keep_step():
    page = show([volume(0)], lambda case_id: (volume(1, n_slices=20),))
    assert len(page.of_class("film")) == 4
    assert len(page.pictures()) == 4 * 7
    assert "Slices, feet to head:" in page.text
    assert [label["for"] for label in page.all("label")] == [f"f{i}" for i in range(1, 8)]
    assert "axial, R on the left, slice 5 of 9" in page.text
    assert "axial, R on the left, slice 11 of 20" in page.text


def test_an_image_needs_no_slider():
    page = show([make_scan()], lambda case_id: (make_scan(),))
    assert not page.all("label")
    assert len(page.of_class("single")) == 4
    assert (picks(1), pick_rules(1)) == ("", "")


def test_facts_of_each_match():
    page = show([make_scan()], lambda case_id: (), k=1, notes="seen twice", spacing=(0.5, 0.5))
    for fact in (NEAREST, "histology", "test", "CC0", "seen twice", "0.5 x 0.5 mm"):
        assert fact in page.text


def test_a_case_without_pictures_says_so():
    page = show([make_scan()], lambda case_id: () if case_id == NEAREST else (make_scan(),))
    assert page.text.count("No pictures of this case are kept in the bank.") == 1
    assert len(page.pictures()) == 3


def test_phases_are_named_in_order():
    page = show(
        [volume(0), volume(1)], lambda case_id: (volume(2), volume(3)), k=1, phases=("ED", "ES")
    )
    assert page.text.count("ED") == page.text.count("ES") == 2
    assert len(page.pictures()) == 4 * 7


def test_the_window_is_said():
    ct = make_scan(modality="CT", window=(40.0, 400.0))
    page = show([ct], lambda case_id: (ct,), modality="CT")
    assert "CT in the query's window: centre 40 HU, width 400 HU." in page.text
    assert "Any other scan" not in page.text
    assert "Any other scan from its own 1st percentile" in show([ct], lambda _: ()).text
    assert "Each scan from its own 1st" in show([make_scan()], lambda _: ()).text
    colour = Scan(array=np.zeros((4, 4, 3), np.float32), spatial_dims=2)
    assert "Colours as stored." in show([colour], lambda _: ()).text


def test_scans_are_asked_for_once_and_one_case_at_a_time():
    asked = []
    show([make_scan()], lambda case_id: asked.append(case_id) or (make_scan(),), k=4)
    assert len({name[:7] for name in asked}) == 4  # each patient by one case
    assert len(set(asked)) == len(asked) == 4


def test_the_middle_frame_is_shown_first():
    buttons = PageReader(picks(7)).all("input")
    assert [i for i, button in enumerate(buttons, start=1) if "checked" in button] == [4]
    for i in range(1, 8):
        assert f"#f{i}:checked ~ main .film .frame:nth-child({i})" in pick_rules(7)
