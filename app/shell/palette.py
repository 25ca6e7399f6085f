"""Colours and shapes that the colour-blind can tell, for charts (M. Okabe and K. Ito, 2008)."""

from __future__ import annotations

from collections.abc import Sequence

# Without black, which is not seen on a dark page.
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#0072B2")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
NEAR, FAR = COLOURS[0], COLOURS[1]
QUIET = "#8A94A3"


def looks(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a colour and a shape for each name; as pairs the first 42 differ (7 x 6)."""
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(names))]
    shapes = [SHAPES[i % len(SHAPES)] for i in range(len(names))]
    return colours, shapes
