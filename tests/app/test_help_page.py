from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

TOOLBAR = Path(__file__).parents[2] / "app" / "viewer" / "toolbar.js"
LICENCE = Path(__file__).parents[2] / "LICENSE"


def script():
    from help_page import help_page

    help_page()


@pytest.fixture(scope="module")
def said():
    app = AppTest.from_function(script).run()
    assert not app.exception
    return "\n".join(one.value for one in app.markdown)


@pytest.mark.parametrize(
    "promise",
    ["Lower is closer", "not a probability", "none of these", "Not for diagnosis", "never change"],
)
def test_help_says_how_to_read_a_distance_and_what_cannot_be_done(said, promise):
    assert promise in said


def test_the_keys_of_the_viewer_are_explained_and_no_others(said):
    """The viewer's own list, in its toolbar, is the reference."""
    rows = re.findall(r'^  \["([^"]+)", "', TOOLBAR.read_text(encoding="utf-8"), flags=re.MULTILINE)
    theirs = {key for row in rows for key in row.split() if re.fullmatch(r"[A-Z\d?]", key)}
    ours = re.findall(r"^\| ([^|]+) \| ", said, flags=re.MULTILINE)
    assert len(theirs) > 15
    assert {key for row in ours for key in re.findall(r"\b[A-Z\d]\b|\?", row)} == theirs


def test_the_licence_is_the_one_that_comes_with_medsiam(said):
    head = " ".join(LICENCE.read_text(encoding="utf-8").split()[:5])
    assert head.startswith("Apache License Version 2.0")
    assert "Apache License 2.0" in said


def test_every_section_is_in_the_contents(said):
    titles = [line.removeprefix("#### ") for line in said.splitlines() if line.startswith("#### ")]
    assert len(titles) == 10
    for title in titles:
        assert f"- [{title}](#" in said
