"""The router by itself, and the whole app as a reader meets it: in a real browser."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from PIL import Image

from medsiam import ReferenceBank
from tests.app.conftest import PATIENT_ID, PATIENT_NAME, dicom_series, text_of, zipped
from tests.app.serving import CHROMIUM, QUIET, review

RESEARCH_USE = "Research use only. Not a medical device. Not for diagnosis."


def test_a_bank_that_cannot_be_opened_is_a_sentence_on_the_page(start, tmp_path):
    class Gone:
        path = tmp_path / "gone"

    app = start(Gone())
    assert not app.exception
    assert "no bank" in app.error[0].value


def test_a_fault_of_our_own_is_no_traceback_and_quotes_no_header(start, bank_2d, monkeypatch):
    def fail(*args):
        raise KeyError(PATIENT_NAME)

    monkeypatch.setattr(ReferenceBank, "conditions", property(fail))
    app = start(bank_2d)
    assert app.exception  # MEDSIAM_TRACEBACK=1 shows it
    monkeypatch.delenv("MEDSIAM_TRACEBACK")
    app.run()
    assert not app.exception
    assert "Unexpected KeyError: this is a fault of medsiam" in app.error[0].value
    assert PATIENT_NAME not in text_of(app)


@pytest.fixture(scope="module")
def server(bank_3d):
    with review(bank_3d) as started:
        yield started


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (see `make setup`)")
def test_a_reader_uploads_a_study_and_sees_the_ranked_matches(server, bank_3d, tmp_path):
    from playwright.sync_api import sync_playwright

    _, port = server
    files = dicom_series(tmp_path / "series", "slanted", 900)
    study = tmp_path / "study.zip"
    study.write_bytes(zipped({path.name: path.read_bytes() for path in files}))
    requests: list[str] = []
    trouble: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("request", lambda request: requests.append(request.url))
        page.on("websocket", lambda websocket: requests.append(websocket.url))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "console",
            lambda message: trouble.append(message.text) if message.type == "error" else None,
        )
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_text(RESEARCH_USE).wait_for(timeout=60_000)
        page.locator("input[type=file]").set_input_files(study)
        page.get_by_text("Ranked matches").wait_for(timeout=120_000)
        page.get_by_text("This match").wait_for(timeout=60_000)
        before = page.get_by_text(re.compile(r"slice \d of 6 ")).all_inner_texts()
        page.get_by_role("slider").focus()
        page.keyboard.press("ArrowRight")
        page.get_by_text("slice 4 of 6 ").nth(1).wait_for(timeout=20_000)
        after = page.get_by_text(re.compile(r"slice \d of 6 ")).all_inner_texts()
        page.screenshot(path=tmp_path / "compare.png")
        with page.expect_download() as download:
            page.get_by_role("button", name="Everything (JSON)").click()
        document = json.loads(download.value.path().read_text())
        text, html = page.inner_text("body"), page.content()
        for name, title in (("Bank", bank_3d.name), ("Help", "How to read a distance")):
            page.get_by_role("link", name=name).click()
            page.get_by_role("heading", name=title).wait_for()
            assert page.get_by_text(RESEARCH_USE).is_visible()
        browser.close()
    assert [caption.split(" ·")[0] for caption in before] == ["slice 3 of 6"] * 2
    assert [caption.split(" ·")[0] for caption in after] == ["slice 4 of 6"] * 2
    with Image.open(tmp_path / "compare.png") as picture:
        assert picture.size == (1280, 900)
    assert [match["rank"] for match in document["matches"]] == [1, 2, 3, 4, 5]
    for match in document["matches"]:
        assert match["case_id"] in text
    assert document["verdict"]["text"] in text
    assert trouble == []
    assert "Traceback" not in text
    for secret in (PATIENT_NAME, PATIENT_ID, "SECRET"):
        assert secret not in html + text + json.dumps(document)
    away = [u for u in requests if urlsplit(u).scheme not in ("data", "blob")]
    assert len(away) > 5
    assert {urlsplit(url).hostname for url in away} == {"127.0.0.1"}
