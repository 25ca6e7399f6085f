"""Values that no network can take are replaced, and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsiam.scans.faults import ScanWarning, fault, warning


def finite(
    array: NDArray[np.float32], path: Path
) -> tuple[NDArray[np.float32], tuple[ScanWarning, ...]]:
    """Replace NaN and infinity by the lowest finite value: the background of most scans.

    Returns:
        the array (itself where all is well), and a sentence where something was replaced.

    Raises:
        ScanError: `no_finite_values`.
    """
    good = np.isfinite(array)
    if good.all():
        return array, ()
    if not good.any():
        raise fault("no_finite_values", path, "it holds no finite value")
    lowest = array[good].min()
    n = int(array.size - good.sum())
    replaced = np.where(good, array, lowest).astype(np.float32, copy=False)
    said = warning("values_replaced", f"{n} values that are no finite number are set to the lowest")
    return replaced, (said,)
