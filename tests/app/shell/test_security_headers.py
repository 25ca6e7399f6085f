from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shell.security_headers import SecurityHeaders, content_security_policy
from tests.app.asgi import Client, anything


def fail(request):
    return PlainTextResponse("gone", 404, headers={"Cache-Control": "public, max-age=9"})


@pytest.mark.parametrize("path", ["/", "/v1/vol/x", "/media/x.png", "/_stcore/health"])
def test_every_answer_has_them_and_is_kept_nowhere(path):
    headers = Client(SecurityHeaders(anything())).ask(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]
    assert "access-control-allow-origin" not in headers


def test_only_hashed_files_that_are_there_may_be_kept():
    inside = Starlette(routes=[Route("/static/{name}", fail)])
    assert (
        Client(SecurityHeaders(inside)).ask("/static/a.js").headers["cache-control"] == "no-store"
    )
    served = Client(SecurityHeaders(anything())).ask("/static/a.js")
    assert "cache-control" not in served.headers  # as whoever served it says


def test_the_policy_names_no_other_place_and_runs_no_text_as_code():
    policy = dict(part.split(" ", 1) for part in content_security_policy().split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["object-src"] == "'none'"
    assert "'unsafe-eval'" not in policy["script-src"]
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "'sha256-" in policy["script-src"]
    everything = " ".join(policy.values())
    for elsewhere in ("http:", "https:", "*", "ws:", "wss:"):
        assert elsewhere not in everything
