"""A synthetic study to try the page with, where the bank is the demo's."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from medsiam import ReferenceBank
from medsiam.phantoms import SYNTHETIC_SOURCE, UNSEEN_CONDITIONS, write_cases
from study.intake import Found, OnStep, look_below


def has_demo(bank: ReferenceBank) -> bool:
    """Return True where every case is synthetic and a case is one scan."""
    cases = bank.cases
    return (
        bool(cases) and len(bank.phases) == 1 and all(c.source == SYNTHETIC_SOURCE for c in cases)
    )


def demo_study(condition: str, bank: ReferenceBank) -> Callable[[OnStep], Found]:
    """Return what looks into a new synthetic patient's study, made for this one look."""

    def look(on_step: OnStep) -> Found:
        on_step("unpack")
        with tempfile.TemporaryDirectory(prefix="medsiam-demo-") as name:
            write_cases(
                name,
                spatial_dims=bank.encoder_card.recipe.spatial_dims,
                conditions=[condition],
                n_patients=1,
                random_state=secrets.randbelow(1 << 16),
                form="dicom",
            )
            return look_below(Path(name) / "scans", bank, on_step)

    return look


def demo_choices(bank: ReferenceBank) -> dict[str, str]:
    """Return condition -> label: one that the bank holds, and one that it does not."""
    known = [condition for condition in UNSEEN_CONDITIONS if condition in bank.conditions]
    unknown = [condition for condition in UNSEEN_CONDITIONS if condition not in bank.conditions]
    choices = {}
    if known:
        choices[known[0]] = "Open a demo study"
    if unknown:
        choices[unknown[0]] = "Open one that is like none of the bank"
    return choices
