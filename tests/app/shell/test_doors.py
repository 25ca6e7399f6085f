from __future__ import annotations

import pytest

from shell.doors import Doors, is_needed, is_our_name
from tests.app.asgi import Client, anything


@pytest.fixture
def client():
    return Client(Doors(anything()))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8501", "localhost:1", "LocalHost", "[::1]:9"]
)
def test_our_own_names(host):
    assert is_our_name(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8501", "localhost.evil", "", None,
     "127.0.0.1@evil.example", "evil.example#127.0.0.1", "127.0.0.1/x", "127.0.0.1:port",
     "127.0.0.2", "0.0.0.0", "[::1"],
)  # fmt: skip
def test_foreign_names(host):
    assert not is_our_name(host)


def test_the_names_of_the_server_are_asked(monkeypatch):
    monkeypatch.setattr("shell.doors.st.get_option", lambda name: ["reading.example"])
    assert is_our_name("reading.example:443")
    assert not is_our_name("127.0.0.1")


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/static/x.js", "/v1/vol/x"])
def test_every_route_asks_for_the_name(client, path):
    assert client.ask(path).text == "inside 0"
    refused = client.ask(path, headers={"Host": "evil.example"})
    assert (refused.status, refused.text) == (403, "unknown host name")


def test_the_websocket_asks_too(client):
    assert client.is_refused("/_stcore/stream", {"Host": "evil.example"})


@pytest.mark.parametrize(
    "path",
    ["/_stcore/agent/interact", "/_stcore/agent/openapi.json", "/_stcore/agent/mcp",
     "/compare/_stcore/agent/mcp", "//_stcore//agent/mcp", "/_stcore", "/_stcore/metrics",
     "/_stcore/script-health-check", "/component/x.y/index.html", "/app/static/x",
     "/auth/login", "/oauth2callback"],
)  # fmt: skip
def test_what_is_not_needed_is_not_there(client, path):
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert client.ask(path, method=method).status == 404


@pytest.mark.parametrize("path", ["/", "/compare", "/bank", "/_stcore/upload_file/a/b",
                                  "/_stcore/bidi-components/x/y.js", "/media/a.png"])  # fmt: skip
def test_what_is_needed_is(path):
    assert is_needed(path)


def test_the_login_has_its_places_where_there_is_one(monkeypatch):
    assert not is_needed("/auth/login")
    monkeypatch.setenv("MEDSIAM_REVIEW_LOGIN", "1")
    assert is_needed("/auth/login")
    assert is_needed("/oauth2callback")
