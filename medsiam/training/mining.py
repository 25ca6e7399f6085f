"""Which triplets of a batch are worth learning from.

Own code, a few lines each: pytorch-metric-learning's miners pick positives by label alone, also
among the scans of one subject.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.training.sampling import Triplets

Mask = NDArray[np.bool_]


def semi_hard_triplets(
    squared: NDArray[np.float32], positive: Mask, negative: Mask, *, margin: float
) -> Triplets:
    """Give each similar pair the nearest negative that is farther, if inside the margin.

    F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet", CVPR 2015: the hardest negatives of all
    lead a young network to collapse.

    Args:
        squared: (m, n) squared distances, row = anchor.
        positive: (m, n) what is similar and worth comparing.
        negative: (m, n) what is dissimilar.
        margin: in units of squared distance.

    Returns:
        at most one triplet per similar pair; perhaps none.
    """
    anchor, similar = np.nonzero(positive)
    if len(anchor) == 0:
        return Triplets(anchor, similar, similar)
    to_positive = squared[anchor, similar]
    farther = negative[anchor] & (squared[anchor] > to_positive[:, None])
    to_negative = np.where(farther, squared[anchor], np.inf)
    nearest = to_negative.argmin(axis=1)
    keep = to_negative.min(axis=1) < to_positive + margin
    return Triplets(anchor[keep], similar[keep], nearest[keep])


def hard_triplets(squared: NDArray[np.float32], positive: Mask, negative: Mask) -> Triplets:
    """Give each anchor its farthest positive and its nearest negative ("batch hard").

    A. Hermans, L. Beyer, B. Leibe, "In defense of the triplet loss for person re-identification",
    2017, arXiv:1703.07737.

    Args:
        squared: (m, n) squared distances, row = anchor.
        positive: (m, n) what is similar and worth comparing.
        negative: (m, n) what is dissimilar.

    Returns:
        one triplet for each anchor that has both.
    """
    anchor = np.nonzero(positive.any(axis=1) & negative.any(axis=1))[0]
    farthest = np.where(positive, squared, -np.inf)[anchor].argmax(axis=1)
    nearest = np.where(negative, squared, np.inf)[anchor].argmin(axis=1)
    return Triplets(anchor, farthest, nearest)
