"""Cases that may be of the query's own patient, or the same image, under another name.

A case that lies nearer to the query than cases of different patients of this bank ever lie to each
other is more likely the same patient, or the same scan saved once more, than a likeness. It must
not count: it would make the verdict look well supported.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.novelty import NearestOthers

_LOW_PERCENTILE = 5
# On cells, chest films and ultrasound no two patients of a bank lay nearer than this share of the
# 5th percentile, except one pair of ultrasound clips that show the same frames.
_SHARE = 0.5
_DUPLICATE = 0.01  # of that percentile: cases that lie closer are copies within the bank


def suspiciously_near(
    distances: NDArray[np.float64], keep: NDArray[np.bool_], others: NearestOthers | None
) -> NDArray[np.bool_]:
    """Find the cases that are too near to be of another patient.

    A case is suspicious within half the 5th percentile of the distances from the bank's cases to
    their nearest case of another patient, and within half of its own such distance, so that a
    condition whose patients are very much alike is not taken for one patient.

    Args:
        distances: (n,) from the query to every case of the bank.
        keep: (n,) false for cases that are left out anyway.
        others: nearest cases of other patients in the bank; None: too few patients to tell.

    Returns:
        (n,) true for suspicious cases among `keep`.
    """
    nobody = np.zeros(len(distances), dtype=bool)
    if others is None:
        return nobody
    usual = float(np.percentile(others.distances, _LOW_PERCENTILE))
    limits = np.full(len(distances), usual)
    copies = others.distances <= _DUPLICATE * usual
    limits[others.rows] = np.where(copies, usual, np.minimum(usual, others.distances))
    return keep & (distances < _SHARE * limits)
