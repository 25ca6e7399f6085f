from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from medsiam.bank import ReferenceBank
from medsiam.cli import main
from tests.bank.conftest import tiny_encoder
from tests.bank.samples import make_review


@pytest.fixture
def bank(tmp_path) -> ReferenceBank:
    made = ReferenceBank.create(tmp_path / "bank", tiny_encoder())
    made.reviews.append(make_review("ada"))
    made.reviews.append(make_review("bob", answer="not similar"))
    return made


def cut(bank: ReferenceBank) -> None:
    with closing(sqlite3.connect(bank.path / "bank.sqlite")) as connection:
        connection.execute("DROP TRIGGER reviews_refuse_delete")
        connection.execute("DELETE FROM reviews WHERE number = 2")
        connection.commit()


def test_a_sound_chain(bank, capsys):
    assert main(["reviews", "verify", str(bank.path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "bank bank: 2 reviews, each as it was kept",
        f"head {bank.reviews.head}",
    ]
    noted = bank.reviews.all()[0].digest
    assert main(["reviews", "verify", str(bank.path), "--head", noted]) == 0
    assert "the noted head stands: 1 review until then, 1 since" in capsys.readouterr().out
    assert main(["reviews", "verify", str(bank.path), "--head", noted, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "bank": str(bank.path),
        "name": "bank",
        "sound": True,
        "n_reviews": 2,
        "head": bank.reviews.head,
        "faults": [],
        "noted_head": noted,
        "n_until_noted": 1,
    }


def test_what_is_missing_is_said_and_ends_with_6(bank, capsys):
    noted = bank.reviews.head
    cut(bank)
    assert main(["reviews", "verify", str(bank.path), "--head", noted]) == 6
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "2 reviews were kept, 1 are there"
    assert "is in no link of the chain" in out
    assert "not as they were kept" in err
    assert main(["reviews", "verify", str(bank.path), "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["faults"] == ["2 reviews were kept, 1 are there"]
    assert main(["reviews", "export", str(bank.path), "--out", str(bank.path / "out.csv")]) == 6
    assert not (bank.path / "out.csv").exists()


def test_another_banks_head_is_not_in_this_one(bank, capsys):
    assert main(["reviews", "verify", str(bank.path), "--head", "0" * 64]) == 6
    assert "or it is another bank's" in capsys.readouterr().out


def test_export(bank, tmp_path, capsys):
    out = tmp_path / "new" / "said.jsonl"
    assert main(["reviews", "export", str(bank.path), "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n_reviews"], document["head"]) == (2, bank.reviews.head)
    assert [json.loads(line)["reader"] for line in out.read_text().splitlines()] == ["ada", "bob"]
    assert main(["reviews", "export", str(bank.path), "--out", str(out)]) == 0
    assert bank.reviews.head in capsys.readouterr().out


def test_where_nobody_said_anything_there_is_nothing_to_export(tmp_path, capsys):
    bank = ReferenceBank.create(tmp_path / "bank", tiny_encoder())
    out = tmp_path / "said.csv"
    assert main(["reviews", "export", str(bank.path), "--out", str(out)]) == 3
    assert "holds no review yet" in capsys.readouterr().err
    assert not out.exists()
    assert main(["reviews", "verify", str(bank.path)]) == 0
    assert "0 reviews" in capsys.readouterr().out


def test_a_wrong_ending_is_a_usage_error(bank, tmp_path, capsys):
    assert main(["reviews", "export", str(bank.path), "--out", str(tmp_path / "said.txt")]) == 2
    assert ".csv, .json, .jsonl" in capsys.readouterr().err
