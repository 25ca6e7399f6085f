from __future__ import annotations

import asyncio
import gzip
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from starlette.applications import Starlette

from medsiam import Scan
from viewer.volume import voxel_bytes
from viewer.volume_route import PREFIX, volume_route
from viewer.volume_shelf import Lent, the_shelf
from viewer.volume_token import signed

COOKIE = "medsiam_visitor"
SCAN = Scan(np.arange(24, dtype=np.float32).reshape(2, 3, 4), 3, patient_id="PLANTED-4711")
APP = Starlette(routes=[volume_route(lambda request: request.cookies.get(COOKIE))])


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(token: str, visitor: str | None = "mine", method: str = "GET") -> Answer:
    """What the application answers, as a server would ask it."""
    sent: list[dict] = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": PREFIX + token,
        "raw_path": b"",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"cookie", f"{COOKIE}={visitor}".encode())] if visitor else [],
    }
    asyncio.run(APP(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]))


@pytest.fixture
def name():
    (lent,) = the_shelf().lend("test", [Lent(SCAN, partial(voxel_bytes, SCAN))])
    yield lent
    the_shelf().release("test")


def test_the_voxels_come_compressed_and_are_kept_nowhere(name):
    answer = ask(signed(name, "mine"))
    assert answer.status == 200
    assert gzip.decompress(answer.body) == bytes.fromhex(name) + voxel_bytes(SCAN)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "4711" not in str(answer.headers)


@pytest.mark.parametrize("token", ["made-up", "a.1.b", "..", signed("00" * 16, "another")])
def test_what_was_not_signed_for_this_visitor_is_refused_without_a_word(name, token):
    answer = ask(token)
    assert (answer.status, answer.body) == (403, b"")
    assert answer.headers["cache-control"] == "private, no-store"


def test_another_visitors_token_and_a_missing_cookie_are_refused(name):
    token = signed(name, "mine")
    assert ask(token, visitor="other").status == 403
    assert ask(token, visitor=None).status == 403


def test_a_volume_that_nobody_shows_any_more_is_not_there(name):
    the_shelf().release("test")
    answer = ask(signed(name, "mine"))
    assert (answer.status, answer.body) == (404, b"")


def test_it_can_only_be_read(name):
    assert ask(signed(name, "mine"), method="POST").status == 405
