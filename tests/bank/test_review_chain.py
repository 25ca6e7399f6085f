from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, replace

import pytest

from medsiam.bank import Review
from medsiam.bank.review_chain import StoredReviews, anchor, faults, make_head, next_review
from tests.bank.samples import FACTS, make_review


def chain(n: int, facts=FACTS) -> StoredReviews:
    head, stored = make_head(0, anchor(facts), facts), []
    for i in range(n):
        made = next_review(make_review(comment=f"word {i}"), head, f"2026-01-02T03:04:{i:02d}")
        head = make_head(i + 1, made.digest, facts)
        stored.append(asdict(made))
    return StoredReviews(tuple(stored), head)


def sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def test_digests_and_seal_by_hand():
    two = chain(2)
    previous = sha256(
        [
            "medsiam reviews",
            "sample bank",
            "2026-01-02T03:04:05+00:00",
            "a1" * 32,
            bytes(range(32)).hex(),
        ]
    )
    for number, stored in enumerate(two.reviews, start=1):
        assert (stored["number"], stored["previous"]) == (number, previous)
        said = {k: v for k, v in stored.items() if k != "digest" and v is not None}
        assert "guess" not in said
        previous = sha256([[name, said[name]] for name in sorted(said)])
        assert stored["digest"] == previous
    text = f"medsiam reviews: 2 until {previous}"
    seal = hmac.new(bytes(range(32)), text.encode(), "sha256").hexdigest()
    assert (two.head.n_reviews, two.head.digest, two.head.seal) == (2, previous, seal)


def test_a_chain_as_it_was_written_has_no_fault():
    assert [faults(chain(n), FACTS) for n in (0, 1, 7)] == [(), (), ()]


CHANGES = [
    ("reader", "eve"),
    ("time", "2025"),
    ("answer", "not similar"),
    ("kind", "withdrawn"),
    ("case_id", None),
    ("condition", "PAP"),
    ("distance", 0.2),
    ("rank", 2),
    ("study", "0"),
    ("bank_version", 1),
    ("encoder_fingerprint", "b2"),
    ("guess", "PAP"),
    ("comment", None),
    ("refers_to", 1),
    ("digest", "0" * 64),
]


@pytest.mark.parametrize(("field", "value"), CHANGES)
def test_any_changed_value_is_found_and_the_review_named(field, value):
    whole = chain(5)
    changed = [dict(stored) for stored in whole.reviews]
    changed[2][field] = value
    assert "review 3 was changed" in faults(replace(whole, reviews=tuple(changed)), FACTS)


def without(whole: StoredReviews, *numbers: int) -> StoredReviews:
    left = (stored for stored in whole.reviews if stored["number"] not in numbers)
    return replace(whole, reviews=tuple(left))


def swapped(whole: StoredReviews, *, renumbered: bool) -> StoredReviews:
    stored = [dict(one) for one in whole.reviews]
    stored[1], stored[2] = stored[2], stored[1]
    if renumbered:
        stored[1]["number"], stored[2]["number"] = 2, 3
    return replace(whole, reviews=tuple(stored))


def copied(whole: StoredReviews) -> StoredReviews:
    return replace(whole, reviews=(*whole.reviews, {**whole.reviews[-1], "number": 6}))


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (lambda c: without(c, 3), "where review 3 should stand, there is review 4"),
        (lambda c: without(c, 1), "review 2 does not follow on this bank"),
        (lambda c: without(c, 5), "5 reviews were kept, 4 are there"),
        (lambda c: without(c, 3, 4, 5), "5 reviews were kept, 2 are there"),
        (lambda c: without(c, 1, 2, 3, 4, 5), "5 reviews were kept, 0 are there"),
        (lambda c: swapped(c, renumbered=False), "where review 2 should stand"),
        (lambda c: swapped(c, renumbered=True), "review 2 was changed"),
        (copied, "review 6 was changed"),
        (lambda c: replace(without(c, 5), head=replace(c.head, n_reviews=4)), "end was changed"),
        (
            lambda c: replace(
                without(c, 5),
                head=replace(c.head, n_reviews=4, digest=c.reviews[3]["digest"]),
            ),
            "the record of the chain's end was changed",
        ),
        (lambda c: replace(c, head=None), "the end of the chain is not recorded"),
        (lambda c: replace(c, head=chain(4).head), "4 reviews were kept, 5 are there"),
    ],
)
def test_removed_moved_and_cut_are_found(attack, said):
    assert any(said in fault for fault in faults(attack(chain(5)), FACTS))


def test_another_bank_s_chain_is_not_this_one_s():
    other = chain(3, replace(FACTS, salt=bytes(32)))
    found = faults(other, FACTS)
    assert "review 1 does not follow on this bank" in found
    assert "the record of the chain's end was changed" in found


def test_the_rest_of_a_chain_is_checked_after_what_is_known():
    whole = chain(5)
    known = Review(**whole.reviews[2])
    rest = replace(whole, reviews=whole.reviews[3:])
    assert faults(rest, FACTS, after=known) == ()
    assert faults(replace(rest, reviews=()), FACTS, after=known) == (
        "5 reviews were kept, 3 are there",
    )
    assert "review 4 does not follow on review 3" in faults(
        rest, FACTS, after=replace(known, digest="0" * 64)
    )
