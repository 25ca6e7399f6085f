from __future__ import annotations

from typing import get_args

from medsiam.encoders import RUNTIMES, RuntimeChoice, RuntimeName


def test_what_can_be_chosen_is_what_there_is_and_auto():
    assert RUNTIMES == ("auto", *get_args(RuntimeName)) == get_args(RuntimeChoice)
