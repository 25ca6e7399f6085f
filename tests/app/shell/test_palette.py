from __future__ import annotations

from shell.palette import COLOURS, looks


def brightness(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_forty_two_names_have_looks_of_their_own():
    colours, shapes = looks([f"condition {i}" for i in range(42)])
    assert len(set(zip(colours, shapes, strict=True))) == 42
    assert len(set(colours[:7])) == 7


def test_every_colour_is_seen_on_the_dark_page():
    page = brightness("#0E1116")
    for colour in COLOURS:
        assert (brightness(colour) + 0.05) / (page + 0.05) >= 3
