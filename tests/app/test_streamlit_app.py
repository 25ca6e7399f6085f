"""The router by itself, and the whole app as a reader meets it: in a real browser."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from medsiam import ReferenceBank
from medsiam.cli.review import (
    _server,
    _wait_until_it_answers,
    app_environment,
    app_script,
    streamlit_command,
)
from medsiam.cli.review_login import Entrance
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

    monkeypatch.setattr(ReferenceBank, "phases", property(fail))
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
        page.locator("section.verdict").wait_for(timeout=120_000)
        with page.expect_download() as download:
            page.get_by_role("button", name="Everything (JSON)").click()
        document = json.loads(download.value.path().read_text())
        text, html = page.inner_text("body"), page.content()
        for name, title in (("Bank", bank_3d.name), ("Help", "How to read a distance")):
            page.get_by_role("link", name=name).click()
            page.get_by_role("heading", name=title).wait_for()
            assert page.get_by_text(RESEARCH_USE).first.is_visible()
        browser.close()
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


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (see `make setup`)")
def test_a_link_leads_back_to_the_study_and_nobody_else_there(server, tmp_path):
    from playwright.sync_api import expect, sync_playwright

    _, port = server
    files = dicom_series(tmp_path / "series", "slanted", 900)
    study = tmp_path / "study.zip"
    study.write_bytes(zipped({path.name: path.read_bytes() for path in files}))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.locator("input[type=file]").set_input_files(study, timeout=60_000)
        verdict = page.locator("section.verdict")
        verdict.wait_for(timeout=60_000)
        link, said = page.url, verdict.inner_text()
        page.get_by_role("link", name="Help").click()
        page.get_by_role("heading", name="How to read a distance").wait_for()
        page.go_back()
        verdict.wait_for(timeout=60_000)
        assert (page.url, verdict.inner_text()) == (link, said)
        page.reload()
        verdict.wait_for(timeout=60_000)
        assert verdict.inner_text() == said
        page.get_by_role("link", name="Start").click()
        page.get_by_role("link", name="MR 3D").click()
        verdict.wait_for(timeout=60_000)
        assert page.url == link
        stranger = browser.new_context().new_page()
        stranger.goto(link)
        stranger.get_by_text("this link belongs to another visit").wait_for(timeout=60_000)
        expect(stranger.locator("section.verdict")).to_have_count(0)
        browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (see `make setup`)")
def test_where_a_login_is_demanded_nothing_of_the_bank_is_told_before_it(bank_2d, tmp_path):
    from playwright.sync_api import sync_playwright

    with behind_login(bank_2d, tmp_path) as (port, cookie), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        context = browser.new_context()
        page = context.new_page()
        received: list[bytes] = []
        page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda frame: received.append(bytes(frame))),
        )
        page.goto(f"http://localhost:{port}/compare")
        page.get_by_role("button", name="Log in").wait_for(timeout=60_000)
        assert bank_2d.name.encode() not in b"".join(received)
        context.add_cookies([{"name": "_streamlit_user", "value": cookie, "url": page.url}])
        page.goto(f"http://localhost:{port}/")
        page.get_by_role("button", name="Log out reader@example.org").wait_for(timeout=60_000)
        assert page.get_by_text(f"bank {bank_2d.name}").is_visible()
        browser.close()


@contextmanager
def behind_login(bank, folder):
    """A server that demands a login, and the cookie that the login would have set."""
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secret, home = "x" * 40, f"http://localhost:{port}"
    secrets = folder / "secrets.toml"
    secrets.write_text(
        f'[auth]\nredirect_uri = "{home}/oauth2callback"\ncookie_secret = "{secret}"\n'
        'client_id = "a"\nclient_secret = "b"\nserver_metadata_url = "http://127.0.0.1:9/none"\n'
    )
    user = {"origin": home, "is_logged_in": True, "email": "reader@example.org"}
    cookie = create_signed_value(secret, "_streamlit_user", json.dumps(user)).decode()
    command = streamlit_command(
        app_script(), port, Entrance("127.0.0.1", ("127.0.0.1", "localhost"), secrets)
    )
    environment = app_environment(bank.reopened_by, {}, login=True)
    with _server(command, environment) as server:
        _wait_until_it_answers(server, port, "127.0.0.1")
        yield port, cookie
