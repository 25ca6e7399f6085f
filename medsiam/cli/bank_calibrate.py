"""`medsiam bank calibrate`: what the distances of a bank mean."""

from __future__ import annotations

import argparse


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to those of `medsiam bank`."""
