from __future__ import annotations

import io
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from medsiam import ReferenceBank
from medsiam.reports import render_slice
from shell.thumbnails import pictures, strip_html, thumbnail_html
from tests.app.conftest import encoder, scan_2d, scan_3d


def shown(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_picture_is_the_kept_scan(bank_2d):
    case = bank_2d.cases[5]
    (png,) = pictures(bank_2d, case)
    scan = scan_2d("across", 11)
    low, high = np.percentile(scan.array, [1, 99])
    expected = render_slice(scan, 0, window=((low + high) / 2, high - low))
    np.testing.assert_allclose(shown(png).astype(int), expected.astype(int), atol=1)


def test_of_a_volume_the_middle_slice_is_shown(bank_3d):
    (png,) = pictures(bank_3d, bank_3d.cases[0])
    scan = scan_3d("along", 0)
    low, high = np.percentile(scan.array, [1, 99])
    expected = render_slice(scan, 3, window=((low + high) / 2, high - low))
    np.testing.assert_allclose(shown(png).astype(int), expected.astype(int), atol=1)


def test_a_picture_is_made_once(bank_2d, monkeypatch):
    case = bank_2d.cases[1]
    first = pictures(bank_2d, case, longest=77)
    monkeypatch.setattr(ReferenceBank, "scans", lambda *_: pytest.fail("read again"))
    assert pictures(bank_2d, case, longest=77) is first


def test_another_case_of_the_same_name_has_its_own_picture(tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    one = bank.add(scan_2d("along", 1), case_id="x", condition="a")
    before = pictures(bank, one)
    bank.remove("x")
    other = bank.add(scan_2d("across", 2), case_id="x", condition="a")
    assert pictures(bank, other) != before


def test_each_scan_of_a_case_has_one(bank_of_two_phases):
    assert len(pictures(bank_of_two_phases, bank_of_two_phases.cases[0])) == 2


def test_a_bank_without_pixels_and_a_lost_scan_are_said_in_words(tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2), pixels=False)
    case = bank.add(scan_2d("along", 1), case_id="x", condition="a")
    assert pictures(bank, case) == ()
    assert "no pixels kept" in thumbnail_html(bank, case)
    keeping = ReferenceBank.create(tmp_path / "c", encoder(2))
    case = keeping.add(scan_2d("along", 1), case_id="x", condition="a")
    for kept in (keeping.path / "scans").iterdir():
        kept.unlink()
    assert "missing or damaged" in thumbnail_html(keeping, case)


def test_a_case_without_proof_is_marked_and_words_are_no_markup(bank_2d):
    case = replace(bank_2d.cases[0], proof="none", condition="<img src=x>")
    html = thumbnail_html(bank_2d, case)
    assert "without proof" in html
    assert "<img src=x>" not in html
    assert "without proof" not in thumbnail_html(bank_2d, bank_2d.cases[0])
    assert b64decode(html.split("base64,")[1].split('"')[0]).startswith(b"\x89PNG")


def test_a_strip_names_each_case(bank_2d):
    html = strip_html(bank_2d, [(case, "0.12") for case in bank_2d.cases[:3]])
    assert html.count("<figure") == 3
    for case in bank_2d.cases[:3]:
        assert f"{case.case_id} 0.12" in html
