from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from medsiam.cli.review import _THEME
from shell.style import ON_PRIMARY, STYLE, TEXT_COLOURS, page_icon, strip_html


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", sorted(TEXT_COLOURS))
@pytest.mark.parametrize(("place", "theme"), [(0, "light"), (1, "dark")])
def test_every_text_colour_can_be_read_on_both_grounds(name, place, theme):
    colour = TEXT_COLOURS[name][place]
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        assert contrast(colour, _THEME[f"theme.{theme}.{ground}"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_themes_own_text_and_links_can_be_read(theme):
    of = {key.split(".")[-1]: value for key, value in _THEME.items() if f".{theme}." in key}
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        assert contrast(of["textColor"], of[ground]) >= 4.5
        assert contrast(of["primaryColor"], of[ground]) >= 4.5


@pytest.mark.parametrize(("place", "theme"), [(0, "light"), (1, "dark")])
def test_words_on_a_main_button_can_be_read(place, theme):
    assert contrast(ON_PRIMARY[place], _THEME[f"theme.{theme}.primaryColor"]) >= 4.5


def test_text_has_no_colour_but_these():
    used = {
        colour.removesuffix("!important").strip()
        for colour in re.findall(r"[{ ;]color: ([^;}]+)", STYLE)
    }
    known = {f"var(--{name})" for name in TEXT_COLOURS} | {"var(--on-primary)", "inherit"}
    assert used
    assert used <= known
    for name, pair in TEXT_COLOURS.items():
        assert f"--{name}: light-dark({pair[0]}, {pair[1]});" in STYLE


def test_nothing_is_fetched_by_the_style():
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_the_icon_is_a_picture_and_no_address():
    assert page_icon().size == (32, 32)


def test_the_strip_says_research_use_and_shows_names_as_they_are():
    card = SimpleNamespace(name="<b>encoder</b>")
    bank = SimpleNamespace(name="<i>bank</i>", version=3, cases=(1, 2), encoder_card=card)
    shown = strip_html(bank)
    assert "Research use only. Not a medical device. Not for diagnosis." in shown
    assert "&lt;i&gt;bank&lt;/i&gt;, version 3, 2 cases" in shown
    assert "<i>" not in shown
