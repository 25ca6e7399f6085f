from __future__ import annotations

import numpy as np
import pytest

from medsiam.comparison.settings import Settings
from medsiam.errors import UsageError


def test_good_settings():
    assert Settings(5, "cosine", "vote").rule == "vote"
    assert Settings(np.int64(2), "mahalanobis", "prototype").k == 2
    assert Settings(5, None, None).metric is None
    assert Settings(5, "match", "combined", 0.8).level == 0.8


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "5", None])
def test_k_is_a_whole_number_of_at_least_one(k):
    with pytest.raises(UsageError, match="k must be a whole number of at least 1"):
        Settings(k, "cosine", "nearest")


def test_the_nearest_spelling_is_named():
    with pytest.raises(UsageError, match="did you mean cosine"):
        Settings(5, "cosin", "nearest")
    with pytest.raises(UsageError, match="did you mean prototype"):
        Settings(5, "cosine", "prototypes")
    with pytest.raises(UsageError, match="choose one of nearest, vote, prototype"):
        Settings(5, "cosine", "zzz")


def test_levels_are_those_that_a_calibration_knows():
    with pytest.raises(UsageError, match=r"unknown level 0.5: choose one of 0.8, 0.9, 0.95, 0.99"):
        Settings(5, None, None, 0.5)
