"""Linear steps on frozen features, fitted on base conditions: whitening and LDA."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from medsiam.encoders.whitening import Whitening

Floats = NDArray[np.float32]

_SHRINKAGE = 0.3


def whitened(features: Floats, base: Floats) -> Floats:
    """Divide out what varies at all between base rows; their conditions are not looked at.

    Args:
        features: (n, d).
        base: (m, d) features of the base rows.

    Returns:
        (n, d).
    """
    step = Whitening(features.shape[1])
    step.fit(torch.from_numpy(base), None, shrinkage=_SHRINKAGE)
    turned: Floats = step(torch.from_numpy(features)).numpy()
    return turned


def discriminants(features: Floats, base: Floats, conditions: Sequence[str]) -> Floats:
    """Turn features to the axes of a linear discriminant analysis of the base conditions.

    All axes are kept, each of variance 1 within the base conditions: the discriminants alone would
    be one fewer than the conditions, too few for others.

    Args:
        features: (n, d).
        base: (m, d) features of the base rows.
        conditions: (m,) at least two different ones.

    Returns:
        (n, d).
    """
    fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage=_SHRINKAGE)
    fitted.fit(base.astype(np.float64), conditions)
    return np.asarray((features - base.mean(axis=0)) @ fitted.scalings_, dtype=np.float32)
