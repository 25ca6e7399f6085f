from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans.values import finite


def test_finite_values_pass_untouched():
    array = np.asarray([[1, -2], [3, 4]], np.float32)
    same, said = finite(array, Path("x"))
    assert same is array
    assert said == ()


def test_the_rest_becomes_the_lowest_value_and_is_said():
    array = np.asarray([1, np.nan, np.inf, -np.inf, -5], np.float32)
    replaced, said = finite(array, Path("x"))
    assert replaced.tolist() == [1, -5, -5, -5, -5]
    assert replaced.dtype == np.float32
    assert said[0].startswith("3 values")


def test_nothing_finite_is_a_fault():
    with pytest.raises(ScanError) as caught:
        finite(np.full(3, np.nan, np.float32), Path("x"))
    assert caught.value.code == "no_finite_values"
