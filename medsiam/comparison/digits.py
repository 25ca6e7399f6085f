"""How many decimals distances need, so that a sentence or a table does not mislead."""

from __future__ import annotations

import math
from collections.abc import Collection

_FEWEST = 2
_MOST_FOR_SMALL = 6
_MOST = 9
_SURE = 0.99


def decimals_for(distances: Collection[float]) -> int:
    """Decimals that tell different distances apart and show the smallest one.

    At least two; enough for two significant digits of the smallest distance that is not zero (up
    to six), and for no two different distances to read alike (up to nine). A sentence must not
    say that 0.31 lies beyond 0.31.
    """
    smallest = min((d for d in distances if d > 0), default=1.0)
    digits = min(max(_FEWEST, 1 - math.floor(math.log10(smallest))), _MOST_FOR_SMALL)
    different = set(distances)
    while digits < _MOST and len({f"{d:.{digits}f}" for d in different}) < len(different):
        digits += 1
    return digits


def probability_words(probability: float | None) -> str:
    """Two decimals, but never quite certain; nothing where there is none."""
    if probability is None:
        return ""
    if probability > _SURE:
        return f">{_SURE}"
    return f"<{1 - _SURE:.2f}" if probability < 1 - _SURE else f"{probability:.2f}"


def in_digits(*distances: float) -> tuple[str, ...]:
    """Write distances that are read together, each with the same number of decimals."""
    digits = decimals_for(distances)
    return tuple(f"{distance:.{digits}f}" for distance in distances)
