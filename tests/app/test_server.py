"""What is served, to whom, and with which headers: asked of a server that was really started."""

from __future__ import annotations

import signal
import socket

import pytest

from tests.app.serving import answer_of, headers_of, review


@pytest.fixture(scope="module")
def server(bank_3d):
    with review(bank_3d) as started:
        yield started


def test_it_listens_on_this_computer_only(server):
    _, port = server
    assert answer_of(port, "/_stcore/health") == 200
    # A socket bound to every interface would answer on all of 127.0.0.0/8.
    with socket.socket() as other:
        other.settimeout(3)
        assert other.connect_ex(("127.0.0.2", port)) != 0


@pytest.mark.parametrize(
    "path", ["/", "/compare", "/_stcore/health", "/_stcore/host-config", "/favicon.png",
             "/_stcore/stream", "/media/x", "/static/x.js", "/v1/x"]
)  # fmt: skip
def test_a_foreign_name_gets_nothing(server, path):
    _, port = server
    assert answer_of(port, path, host="evil.example") == 403
    assert answer_of(port, path, host=f"evil.example:{port}") == 403


def test_our_own_names_get_the_page_and_the_stream(server):
    _, port = server
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert answer_of(port, "/", host=host) == 200
        assert answer_of(port, "/_stcore/stream", host=host) == 101


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    ["/_stcore/agent/interact", "/_stcore/agent/openapi.json", "/_stcore/agent/mcp",
     "/_stcore/agent/", "/compare/_stcore/agent/mcp", "/_stcore/metrics",
     "/_stcore/script-health-check", "/component/a.b/index.html", "/app/static/x",
     "/auth/login", "/oauth2callback"],
)  # fmt: skip
def test_doors_that_are_not_needed_are_not_there(server, method, path):
    _, port = server
    assert answer_of(port, path, method=method) == 404


@pytest.mark.parametrize("path", ["/", "/compare", "/_stcore/health", "/nothing/here", "/media/x"])
def test_every_answer_has_the_headers(server, path):
    headers = headers_of(server[1], path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


def test_only_files_named_after_their_content_may_be_kept(server):
    import re

    from tests.app.serving import text_at

    page = text_at(server[1], "/")
    script = re.search(r'src="\.(/static/js/[^"]+)"', page)[1]
    assert "immutable" in headers_of(server[1], script)["cache-control"]


def test_a_visit_begins_with_a_cookie_that_no_script_can_read(server):
    cookies = headers_of(server[1], "/")["set-cookie"]
    assert "medsiam_visitor=" in cookies
    assert "HttpOnly" in cookies
    assert "SameSite=Strict" in cookies


def test_control_c_ends_it_and_leaves_nothing_running(bank_2d):
    with review(bank_2d) as (process, port):
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) in (0, 130)
    assert "Traceback" not in rest
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
