from __future__ import annotations

import pytest

from viewer.volume_token import opened, signed

NAME, VISITOR, NOON = "ab" * 16, "word-of-a-visitor", 1_800_000_000.0
HOUR = 3600


def test_it_opens_for_its_visitor_and_says_nothing_of_him():
    token = signed(NAME, VISITOR, NOON)
    assert opened(token, VISITOR, NOON) == NAME
    assert VISITOR not in token


@pytest.mark.parametrize("other", ["", "word-of-another", VISITOR + "x"])
def test_for_another_visitor_it_opens_nothing(other):
    assert opened(signed(NAME, VISITOR, NOON), other, NOON) is None


def test_nobody_has_no_token_that_opens():
    assert opened(signed(NAME, "", NOON), "", NOON) is None


def test_it_stays_the_same_for_hours_and_ends_within_a_day():
    tokens = {signed(NAME, VISITOR, NOON + hour * HOUR) for hour in range(25)}
    assert len(tokens) == 3  # so a page that runs again rarely gets another
    token = signed(NAME, VISITOR, NOON)
    assert opened(token, VISITOR, NOON + 12 * HOUR) == NAME
    assert opened(token, VISITOR, NOON + 24 * HOUR + 1) is None
    assert opened(token, VISITOR, NOON - 24 * HOUR) is None


@pytest.mark.parametrize("place", range(0, 60, 7))
def test_any_change_closes_it(place):
    token = signed(NAME, VISITOR, NOON)
    changed = token[:place] + ("0" if token[place] != "0" else "1") + token[place + 1 :]
    assert opened(changed, VISITOR, NOON) is None


@pytest.mark.parametrize("made_up", ["", ".", "..", "a.b.c", f"{NAME}.²3.x", "é.1.é", "x" * 5000])
def test_what_was_made_up_opens_nothing(made_up):
    assert opened(made_up, VISITOR, NOON) is None
