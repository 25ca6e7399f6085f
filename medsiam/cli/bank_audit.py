"""`medsiam bank audit`: what a bank is worth, and what is wrong with it."""

from __future__ import annotations

import argparse


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to those of `medsiam bank`."""
