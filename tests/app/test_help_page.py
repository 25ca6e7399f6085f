from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

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


@pytest.mark.parametrize("key", ["W", "Z", "P", "R", "F or space", "J, K", "1, 2, 3, 4", "?"])
def test_every_key_of_the_viewer_is_explained(said, key):
    assert f"\n| {key} | " in said


def test_the_licence_is_the_one_that_comes_with_medsiam(said):
    head = " ".join(LICENCE.read_text(encoding="utf-8").split()[:5])
    assert head.startswith("Apache License Version 2.0")
    assert "Apache License 2.0" in said


def test_every_section_is_in_the_contents(said):
    titles = [line.removeprefix("#### ") for line in said.splitlines() if line.startswith("#### ")]
    assert len(titles) == 10
    for title in titles:
        assert f"- [{title}](#" in said
