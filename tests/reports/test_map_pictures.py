from __future__ import annotations

from base64 import b64encode
from types import SimpleNamespace

from medsiam.reports.map_pictures import map_pictures

MATCHES = [
    SimpleNamespace(rank=rank, case_id=f"case <{rank}>", condition="A & B") for rank in (1, 2, 3)
]


def test_each_match_that_has_maps_shows_all_of_them():
    html = map_pictures(
        SimpleNamespace(matches=MATCHES), {"case <3>": [b"x", b"y"], "other": [b"z"]}
    )
    assert html.count("<img") == 2
    assert html.index(b64encode(b"x").decode()) < html.index(b64encode(b"y").decode())
    assert "3. case &lt;3&gt;, A &amp; B" in html
    assert "case &lt;1&gt;" not in html
    assert b64encode(b"z").decode() not in html


def test_nothing_without_maps():
    assert map_pictures(SimpleNamespace(matches=MATCHES), {}) == ""
