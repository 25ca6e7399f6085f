from __future__ import annotations

import argparse

import pytest

from medsiam.cli.way_back import add_way_back, chosen_destination
from medsiam.errors import UsageError


def asked(*options):
    parser = argparse.ArgumentParser()
    add_way_back(parser)
    return parser.parse_args(options)


def test_there_is_none_unless_asked_for():
    assert chosen_destination(asked()) is None


def test_one_of_two_ways():
    pytest.importorskip("pynetdicom")
    assert chosen_destination(asked("--send", "PACS@10.0.0.5:104")).name == "PACS@10.0.0.5:104"
    assert chosen_destination(asked("--stow", "http://h/x/")).name == "http://h/x"
    with pytest.raises(SystemExit):
        asked("--send", "A@h:1", "--stow", "http://h")


@pytest.mark.parametrize(
    "options", [("--send", "PACS"), ("--stow", "ftp://h"), ("--send", "A@h:1", "--aet", "x" * 17)]
)
def test_another_form_is_refused(options):
    pytest.importorskip("pynetdicom")
    with pytest.raises(UsageError):
        chosen_destination(asked(*options))
