from __future__ import annotations

import pytest

from shell.plain_text import in_html, in_markdown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("e_coli *rare*", r"e\_coli \*rare\*"),
        ("![x](http://evil/x.png)", r"\!\[x\]\(http\://evil/x\.png\)"),
        (":red[no]", r"\:red\[no\]"),
        ("1. a", r"1\. a"),
        ("two\nlines\n# title", r"two lines \# title"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_no_mark_of_markdown_is_left(raw, shown):
    assert in_markdown(raw) == shown


def test_no_mark_of_html_is_left():
    assert in_html("<img src=x onerror='a(\"b\")'>&") == (
        "&lt;img src=x onerror=&#x27;a(&quot;b&quot;)&#x27;&gt;&amp;"
    )


def test_numbers_are_texts_too():
    assert in_html(3) == "3"
    assert in_markdown(-0.5) == r"\-0\.5"
