"""The same picture among the cases of a bank, on hashes made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.bank.same_picture import Pictures
from medsiam.bank.store import Snapshot
from tests.bank.samples import make_record

N_BITS = 240


def text_of(bits) -> str:
    return np.packbits(bits).tobytes().hex()


def bits_of(seed, flipped=0):
    bits = np.random.default_rng(seed).integers(0, 2, N_BITS).astype(bool)
    bits[:flipped] ^= True
    return bits


def pictures(*rows) -> Pictures:
    """Of (patient, hashes of the phases)."""
    phases = tuple(f"phase {i}" for i in range(len(rows[0][1])))
    cases = tuple(
        make_record(f"c{i}", patient=patient, phases=phases).case
        for i, (patient, _) in enumerate(rows)
    )
    hashes = tuple(tuple(own) for _, own in rows)
    return Pictures.of(Snapshot(1, cases, np.zeros((len(rows), 4), np.float32), hashes))


def bank_of(n, *more):
    return pictures(*((f"p{i}", [text_of(bits_of(i))]) for i in range(n)), *more)


@pytest.mark.parametrize(("n_flipped", "same"), [(0, True), (36, True), (42, False)])
def test_a_picture_is_the_same_where_few_bits_differ(n_flipped, same):
    found = bank_of(12).same_as([text_of(bits_of(3, n_flipped))])
    assert found.tolist() == [same and i == 3 for i in range(12)]


def test_few_patients_must_be_more_alike():
    assert bank_of(9).same_as([text_of(bits_of(3, 15))])[3]
    assert not bank_of(9).same_as([text_of(bits_of(3, 20))])[3]


def test_pictures_that_are_alike_anyway_lower_the_limit():
    shapes = [(f"p{i}", [text_of(np.roll(bits_of(0, 0), 0) ^ (np.arange(N_BITS) // 10 == i))])
              for i in range(12)]  # fmt: skip
    found = pictures(*shapes)
    between = 20 / N_BITS  # any two differ in ten bits each
    assert 0.45 * between < found.limit == pytest.approx(0.05)  # no lower: so near are copies
    assert found.pairs() == ()


def test_a_bank_full_of_copies_still_names_them():
    copies = ((f"q{i}", [text_of(bits_of(i, 3))]) for i in range(12))
    found = bank_of(12, *copies)
    assert found.pairs() == tuple((i, 12 + i) for i in range(12))
    assert found.same_as([text_of(bits_of(3, 6))]).tolist() == [i in (3, 15) for i in range(24)]


def test_copies_within_the_bank_do_not_hide_others():
    twice = bank_of(12, ("other", [text_of(bits_of(0))]), ("another", [text_of(bits_of(1, 4))]))
    assert twice.pairs() == ((0, 12), (1, 13))
    assert twice.pairs([13]) == ((1, 13),)
    assert twice.pairs([0, 5]) == ((0, 12),)
    assert twice.same_as([text_of(bits_of(5, 30))])[5]


def test_scans_of_one_patient_are_no_pair():
    assert bank_of(12, ("p0", [text_of(bits_of(0))])).pairs() == ()
    alone = bank_of(12, (None, [text_of(bits_of(50))]), (None, [text_of(bits_of(50))]))
    assert alone.pairs() == ((12, 13),)


def test_one_phase_is_enough_and_phases_are_not_mixed():
    a, b, c = (text_of(bits_of(i)) for i in range(3))
    found = pictures(("p", [a, b]), ("q", [b, c]))
    assert found.same_as([a, c]).tolist() == [True, True]
    assert found.same_as([b, a]).tolist() == [False, True]
    assert not found.same_as([a]).any()


def test_where_nothing_is_known_nothing_is_claimed():
    old = pictures(("p", [None]), ("q", [None]))
    assert not old.same_as([text_of(bits_of(0))]).any()
    assert old.pairs() == ()
    assert not bank_of(12).same_as([None]).any()
    mixed = bank_of(12, ("old", [None]))
    assert mixed.same_as([text_of(bits_of(3))]).tolist() == [i == 3 for i in range(13)]
    without = Snapshot(0, (), np.zeros((0, 4), np.float32))
    assert Pictures.of(without).same_as([None]).shape == (0,)
    assert Pictures.of(without).pairs() == ()
