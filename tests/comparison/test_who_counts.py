"""Whom a query is held against: not its own patient, and not its own picture."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.bank.same_picture import Pictures
from medsiam.bank.store import Snapshot
from medsiam.comparison.who_counts import matches_of, who_counts
from medsiam.comparison.yardstick import yardstick
from medsiam.errors import BankError
from medsiam.preprocessing.perceptual_hash import picture_hash
from tests.comparison.stub_bank import make_bank, make_scan, ring_bank


def picture(seed):
    return make_scan(np.random.default_rng(seed).normal(size=(40, 48)))


def asked(bank, scan, *, patient=None, distances=None, hashes=()):
    """Who counts where every case lies at 9, or at the given distances."""
    snapshot = Snapshot(bank.version, bank.cases, bank.embeddings, hashes)
    measured = yardstick(bank, snapshot, "cosine")
    far = np.full(len(bank.cases), 9.0) if distances is None else distances
    return who_counts(
        far, [scan], measured, patient=patient and bank.hash_patient(patient), bank_name="stub"
    )


def test_a_named_patient_does_not_count():
    found = asked(ring_bank(), picture(0), patient="patient 3")
    assert found.own.tolist() == [i // 2 == 3 for i in range(24)]
    assert (found.keep == ~found.own).all()
    assert not found.near.any()
    assert not found.copies.any()


def test_the_same_picture_takes_its_patient_along():
    bank = ring_bank()
    hashes = tuple((picture_hash(picture(i)),) for i in range(24))
    again = make_scan(2 * picture(4).array + 30)
    found = asked(bank, again, hashes=hashes)
    assert found.copies.tolist() == [i == 4 for i in range(24)]
    assert found.keep.tolist() == [i not in (4, 5) for i in range(24)]  # one patient, two cases
    assert not found.own.any()
    assert not found.only_suspects


def test_too_near_is_told_apart_from_the_same_picture():
    bank = ring_bank()
    hashes = tuple((picture_hash(picture(i)),) for i in range(24))
    distances = np.full(24, 9.0)
    distances[[4, 8]] = 0.0
    found = asked(bank, picture(4), hashes=hashes, distances=distances)
    assert np.flatnonzero(found.copies).tolist() == [4]
    assert np.flatnonzero(found.near).tolist() == [8]
    assert [m.case_id for m in matches_of(found.near | found.copies, distances, yardstick(
        bank, bank.snapshot(), "cosine"))] == ["case-02-0", "case-04-0"]  # fmt: skip


def test_nothing_but_copies_counts_after_all():
    bank = make_bank(("a", "A", "p"), embeddings=np.eye(2)[:1])
    found = asked(bank, picture(0), hashes=((picture_hash(picture(0)),),))
    assert found.keep.tolist() == [True]
    assert found.only_suspects


def test_nothing_but_the_own_patient_is_refused():
    bank = make_bank(("a", "A", "p"), embeddings=np.eye(2)[:1])
    with pytest.raises(BankError, match="all 1 case of bank stub belong to the query's own"):
        asked(bank, picture(0), patient="p")


def test_a_bank_without_hashes_claims_nothing():
    assert Pictures.of(ring_bank().snapshot()).same_as(["0f"]).tolist() == [False] * 24
