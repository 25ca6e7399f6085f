from __future__ import annotations

import numpy as np
import pytest

from medsiam.bank import ANSWERS, Review, standing, withdrawals
from medsiam.bank.review import checked
from medsiam.errors import UsageError
from tests.bank.samples import make_review


def review(number: int, **said) -> Review:
    new = make_review(**said)
    return Review(**vars(new), number=number, time="", previous="", digest="")


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_can_be_said(answer):
    about_none = answer == "none of these"
    facts = {"case_id": None, "condition": None} if about_none else {}
    assert checked(make_review(answer=answer, **facts)).answer == answer


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"answer": "maybe"}, "a verdict is one of same condition, plausible"),
        ({"answer": None}, "not None"),
        ({"answer": "none of these"}, "about no case"),
        ({"case_id": None}, "about one case"),
        ({"kind": "remark", "answer": None}, "a review is one of verdict, withdrawn"),
        ({"kind": "withdrawn", "answer": None}, "names the verdict"),
        ({"kind": "withdrawn", "refers_to": 3}, "takes no answer"),
        ({"kind": "identity revealed", "answer": None, "refers_to": 3}, "names the verdict"),
        ({"refers_to": 3}, "refers to no earlier one"),
        ({"reader": "  "}, "needs the reader's name"),
        ({"distance": float("nan")}, "finite"),
        ({"distance": -0.1}, "not negative"),
        ({"comment": "x" * 4001}, "4001 characters; 4000 are kept"),
        ({"comment": "\ud83e"}, "half a character"),
    ],
)
def test_what_says_too_little_or_contradicts_itself_is_refused(said, fault):
    with pytest.raises(UsageError, match=fault):
        checked(make_review(**said))


def test_what_is_kept_is_plain():
    new = checked(
        make_review(
            " ada ", distance=np.float32(0.25), rank=np.int64(2), comment=" Łódź\n", guess=" "
        )
    )
    assert (new.reader, new.comment, new.guess) == ("ada", "Łódź", None)
    assert [type(value) for value in (new.distance, new.rank)] == [float, int]
    assert str(checked(make_review(distance=-0.0)).distance) == "0.0"


def test_a_withdrawn_verdict_stands_no_more():
    said = [
        review(1),
        review(2, answer="not similar"),
        review(3, kind="withdrawn", answer=None, refers_to=1),
        review(4, kind="identity revealed", answer=None),
    ]
    assert [r.number for r in standing(said)] == [2]
    assert {number: by.number for number, by in withdrawals(said).items()} == {1: 3}
