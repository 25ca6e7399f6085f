from __future__ import annotations

import pytest

from medsiam.comparison.digits import decimals_for, in_digits, probability_words


def test_a_probability_is_never_quite_certain():
    words = [probability_words(p) for p in (None, 1.0, 0.994, 0.5, 0.009, 0.0)]
    assert words == ["", ">0.99", ">0.99", "0.50", "<0.01", "<0.01"]


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ((0.31, 0.62), ("0.31", "0.62")),
        ((0.3104, 0.3108), ("0.310", "0.311")),
        ((0.00123, 1.0), ("0.0012", "1.0000")),
        ((12.3456,), ("12.35",)),
        ((0.0, 0.5), ("0.00", "0.50")),
        ((0.5, 0.5), ("0.50", "0.50")),
        ((), ()),
    ],
)
def test_written_distances(distances, expected):
    assert in_digits(*distances) == expected


def test_there_is_an_end_to_it():
    assert decimals_for([0.5, 0.5 + 1e-15]) == 9
    assert decimals_for([1e-12]) == 6
