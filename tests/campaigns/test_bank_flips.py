from __future__ import annotations

from tests.campaigns.bank_flips import run


def test_a_flipped_bit_anywhere_is_found_or_changed_nothing(tmp_path):
    counts = run(tmp_path, 24, 3, n_cases=9)
    assert counts["wrong"] == 0, counts
    assert counts["flips"] == 24
