"""Coloured marks on a grey picture: what a screenshot of a viewer has, and no grey modality."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsiam.scans.faults import ScanWarning, warning

_GREY = 24  # largest difference of channels that compression alone makes
_COLOURED = 96
_MOSTLY = 0.9
_FEWEST = 20  # coloured pixels; a few letters have more
_STEP = 2  # of rows and columns; letters are wider


def coloured_marks(rgb: NDArray[Any]) -> tuple[ScanWarning, ...]:
    """Return `burned_in_text` where a picture is grey but for some strong colour.

    Args:
        rgb: (rows, columns, 3), 0 to 255; a grey picture has no third axis and no marks.
    """
    if rgb.ndim != 3:
        return ()
    seen = rgb[::_STEP, ::_STEP].astype(np.int16)
    spread = seen.max(axis=2) - seen.min(axis=2)
    is_grey = np.mean(spread <= _GREY) >= _MOSTLY
    if not is_grey or np.count_nonzero(spread >= _COLOURED) < _FEWEST // _STEP**2:
        return ()
    return (
        warning(
            "burned_in_text",
            "coloured marks on a grey picture, as in a screenshot, may be names or dates",
        ),
    )
