from __future__ import annotations

import csv
import hashlib
import json

import pytest

from medsiam.bank import ReferenceBank
from medsiam.errors import NothingToDoError, OutputError, UsageError
from medsiam.reports import write_reviews
from tests.bank.conftest import tiny_encoder
from tests.bank.samples import make_review

COMMENT = '=HYPERLINK("http://x")'


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> ReferenceBank:
    return ReferenceBank.create(tmp_path_factory.mktemp("banks") / "empty", tiny_encoder())


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> ReferenceBank:
    made = ReferenceBank.create(tmp_path_factory.mktemp("banks") / "lungs", tiny_encoder())
    log = made.reviews
    log.append(make_review("ada", comment=COMMENT, distance=1 / 3))
    log.append(make_review("Łódź", answer="none of these", case_id=None, distance=None))
    log.withdraw(1, reader="ada")
    return made


def test_all_three_forms_say_the_same(bank, tmp_path):
    for form in ("csv", "json", "jsonl"):
        assert len(write_reviews(bank, tmp_path / f"out.{form}")) == 3
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    for row, line, one in zip(rows, lines, document["reviews"], strict=True):
        assert {name: line[name] for name in one} == one
        assert line["bank_name"] == row["bank_name"] == document["bank_name"] == "lungs"
        assert "Not a medical device" in line["research_use"]
        said = {name: "" if value is None else str(value) for name, value in line.items()}
        assert row == said | {"comment": "'" + COMMENT if line["comment"] else ""}
    assert [one["withdrawn_by"] for one in document["reviews"]] == [3, None, None]
    assert document["reviews"][0]["comment"] == COMMENT
    assert document["reviews"][0]["distance"] == 1 / 3
    assert document["head"] == bank.reviews.head
    assert "Not a medical device" in document["research_use"]


def test_the_chain_can_be_checked_from_the_export_alone(bank, tmp_path):
    write_reviews(bank, tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    previous = document["reviews"][0]["previous"]
    for review in document["reviews"]:
        assert review.pop("previous") == previous
        expected = review.pop("digest")
        del review["withdrawn_by"]
        review["previous"] = previous
        said = [[name, review[name]] for name in sorted(review) if review[name] is not None]
        previous = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        assert previous == expected
    assert previous == document["head"]


def test_refusals(bank, empty, tmp_path):
    with pytest.raises(UsageError, match=r"written to \.csv, \.json, \.jsonl"):
        write_reviews(bank, tmp_path / "out.xlsx")
    with pytest.raises(NothingToDoError, match="no review yet"):
        write_reviews(empty, tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="cannot write"):
        write_reviews(bank, bank.path / "bank.sqlite" / "out.csv")
