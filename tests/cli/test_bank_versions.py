from __future__ import annotations

import json

import pytest

from medsiam.bank import ReferenceBank
from medsiam.bank.who import operating_user
from medsiam.cli import main
from tests.bank.conftest import tiny_encoder
from tests.bank.samples import make_image


@pytest.fixture
def folder(tmp_path) -> str:
    """Version 1: a, b. Version 2: b. Version 3: b, c. Version 4: c. Version 5: c, and b anew."""
    bank = ReferenceBank.create(tmp_path / "bank", tiny_encoder(), who="curie")
    bank.add(make_image(1), case_id="a", condition="LAM")
    bank.add(make_image(2), case_id="b", condition="LAM")
    bank.remove_many(["a"], who="meitner", why="wrong patient")
    bank.add(make_image(3), case_id="c", condition="PAP")
    bank.remove("b")
    bank.add(make_image(2), case_id="b", condition="PAP")
    return str(bank.path)


def test_versions_say_who_when_what_and_why(folder, capsys):
    assert main(["bank", "versions", folder, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["bank"], document["name"], document["version"]) == (folder, "bank", 6)
    versions = document["versions"]
    assert [version["number"] for version in versions] == list(range(7))
    assert [version["who"] for version in versions[:4]] == [
        "curie",
        operating_user(),
        operating_user(),
        "meitner",
    ]
    third = versions[3]
    assert (third["what"], third["why"], third["n_cases"]) == ("remove 1 case", "wrong patient", 1)
    assert main(["bank", "versions", folder]) == 0
    out = capsys.readouterr().out
    for word in ("curie", "meitner", "wrong patient", "remove 1 case", third["created"]):
        assert word in out


def test_a_difference_names_what_came_went_and_changed(folder, capsys):
    assert main(["bank", "diff", folder, "2", "6", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["older"], document["newer"]) == (2, 6)
    assert [case["case_id"] for case in document["added"]] == ["c"]
    assert [case["case_id"] for case in document["removed"]] == ["a"]
    ((before, after),) = ((c["before"], c["after"]) for c in document["changed"])
    assert (before["case_id"], before["condition"], after["condition"]) == ("b", "LAM", "PAP")
    assert main(["bank", "diff", folder, "2", "6"]) == 0
    out = capsys.readouterr().out
    assert "from version 2 to 6 of bank bank: 1 added, 1 removed, 1 changed" in out
    assert "condition" in out
    assert main(["bank", "diff", folder, "4", "4"]) == 0
    assert "0 added, 0 removed, 0 changed" in capsys.readouterr().out


def test_going_back_is_a_new_version(folder, capsys):
    assert main(["bank", "restore", folder, "2", "--who", "noether", "--why", "a mistake"]) == 0
    assert "now version 7, with the 2 cases of version 2" in capsys.readouterr().out
    bank = ReferenceBank.open(folder)
    assert {case.case_id: case.condition for case in bank.cases} == {"a": "LAM", "b": "LAM"}
    assert (bank.versions[-1].who, bank.versions[-1].why) == ("noether", "a mistake")
    assert main(["bank", "restore", folder, "2"]) == 0
    assert "holds the cases of version 2 already" in capsys.readouterr().out
    assert bank.version == 7


@pytest.mark.parametrize("words", [("diff", "1", "9"), ("restore", "9")])
def test_a_version_that_is_not_there_is_named(words, folder, capsys):
    action, *numbers = words
    assert main(["bank", action, folder, *numbers]) == 6
    assert "bank bank has no version 9" in capsys.readouterr().err
    assert ReferenceBank.open(folder).version == 6
