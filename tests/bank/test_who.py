from __future__ import annotations

import getpass

import pytest

from medsiam.bank.who import operating_user


def test_the_user_of_the_operating_system_is_named(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "curie")
    assert operating_user() == "curie"


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_a_user_without_a_name_is_nobody(error, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr(getpass, "getuser", fail)
    assert operating_user() is None
