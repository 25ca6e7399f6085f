"""A department's bank: commands take its address as they take a folder, and show no password."""

from __future__ import annotations

import json
import re

import pytest

from medsiam.cli import main


@pytest.fixture(scope="module")
def address(server, phantom_bank) -> str:
    """A copy of the phantom bank on a server, under an address with a password."""
    address = server.address("department").replace("postgres@", "postgres:s3cret@")
    assert main(["bank", "copy", str(phantom_bank.path), address]) == 0
    return address


def test_commands_answer_from_an_address_as_from_a_folder(
    address, phantom_bank, incoming, tmp_path, capsys
):
    def said(*words: object) -> str:
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        assert "s3cret" not in shown.out + shown.err
        assert code in (0, 4), shown.err
        return shown.out

    for words in (["list"], ["versions"], ["audit"]):
        there = json.loads(said("bank", *words, address, "--json"))
        here = json.loads(said("bank", *words, phantom_bank.path, "--json"))
        assert there.pop("bank").startswith("postgresql://postgres@/postgres/department")
        here.pop("bank")
        assert there == here
    for bank, out in ((address, "there"), (phantom_bank.path, "here")):
        said("score", incoming, "--bank", bank, "--out", tmp_path / out)
    tables = [(tmp_path / out / "results.csv").read_text() for out in ("there", "here")]
    there, here = (re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "WHEN", text) for text in tables)
    assert there == here
    for path in (tmp_path / "there").rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes(), path
    said("reviews", "verify", address)


def test_a_server_that_is_down_is_one_line_and_code_6(address, server, capsys):
    server.stop()
    try:
        assert main(["bank", "list", address]) == 6
    finally:
        server.start()
    shown = capsys.readouterr()
    assert shown.err.count("See that the server runs") == 1
    assert "Traceback" not in shown.err
    assert "s3cret" not in shown.out + shown.err
    assert main(["bank", "list", address]) == 0
