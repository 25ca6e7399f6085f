from __future__ import annotations

from pathlib import Path

from medsiam.scoring import Failure, Skip


def test_a_printed_outcome_says_what_and_where_without_a_list_of_files():
    files = tuple(Path(f"series/IM{i}") for i in range(100))
    failure = Failure(Path("series"), files, "truncated_pixels", "the pixel data are cut short")
    skip = Skip(Path("series"), files, "other_dimension", "a 2D scan")
    for text in (repr(failure), repr(skip)):
        assert "series" in text
        assert "IM99" not in text
    assert "truncated_pixels" in repr(failure)
