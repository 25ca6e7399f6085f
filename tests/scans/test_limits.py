from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.errors import ScanError
from medsiam.scans.limits import check_parts, check_size


@pytest.mark.parametrize("shape", [(16_384, 16_384), (800, 800, 800), (512, 512, 1953)])
def test_sizes_up_to_the_ceiling_pass(shape):
    check_size(Path("x"), shape)


@pytest.mark.parametrize("shape", [(16_385, 1), (1, 16_385), (512, 512, 1954), (1, 1, 10**9)])
def test_sizes_beyond_it_are_refused(shape):
    with pytest.raises(ScanError) as caught:
        check_size(Path("x"), shape)
    assert caught.value.code == "too_large"
    assert str(shape[0]) in str(caught.value)


def test_parts_have_ceilings_of_their_own():
    check_parts(Path("x"), 10_000, 400_000)
    for parts, voxels in ((10_001, 1), (10_000, 500_000)):
        with pytest.raises(ScanError) as caught:
            check_parts(Path("x"), parts, voxels)
        assert caught.value.code == "too_large"
