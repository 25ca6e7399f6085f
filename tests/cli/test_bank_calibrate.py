from __future__ import annotations

import argparse

from medsiam.cli import bank_calibrate


def test_the_action_is_added_without_a_clash():
    actions = argparse.ArgumentParser().add_subparsers()
    bank_calibrate.add_action(actions)
    assert set(actions.choices) <= {"calibrate"}
