"""The steps by which a study comes in, each with what it has found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import streamlit as st

from shell.plain_text import in_html
from study.checks import STEPS, Check, Step, in_order
from study.intake import OnStep
from study.opening import Opening

_SIGNS = {"fine": "&#10003;", "note": "&#8226;", "warning": "&#9888;", "refused": "&#10005;"}
_CLASSES = {"fine": "fine", "note": "noted", "warning": "warned", "refused": "refused"}


@contextmanager
def running() -> Iterator[OnStep]:
    """Show which step is being done, for as long as the block lasts."""
    place = st.empty()

    def on_step(step: Step) -> None:
        place.status(f"{STEPS[step]} ...", type="step", state="running")

    yield on_step
    place.empty()


def show_timeline(opening: Opening) -> None:
    """Show all steps that were done, open where there is something to decide."""
    for step, checks in in_order(opening.checks).items():
        if not checks:
            continue
        asks = any(check.level in ("warning", "refused") for check in checks)
        state: Literal["complete", "error"] = "error" if asks else "complete"
        with st.status(_title(step, checks), type="step", state=state, expanded=asks):
            st.html(findings_html(checks))


def findings_html(checks: list[Check]) -> str:
    """Findings as a list, each with a sign besides its colour."""
    return '<ul class="findings">' + "".join(_finding(check) for check in checks) + "</ul>"


def fault_html(opening: Opening) -> str:
    """Why it cannot be opened: what we saw, why it matters, what to do."""
    words = opening.fault
    assert words is not None
    detail = f" <small>({in_html(opening.detail)})</small>" if opening.detail else ""
    return (
        '<section class="fault" role="alert" aria-label="This study cannot be opened">'
        f"<h3>{in_html(words.saw)}</h3><p>{in_html(words.matters)}{detail}</p>"
        f"<p><b>What to do:</b> {in_html(words.to_do)}</p></section>"
    )


def _title(step: Step, checks: list[Check]) -> str:
    n = sum(check.level == "warning" for check in checks)
    if n == 0:
        return STEPS[step]
    return f"{STEPS[step]}: {'1 thing' if n == 1 else f'{n} things'} to decide"


def _finding(check: Check) -> str:
    to_do = f" <small>{in_html(check.to_do)}</small>" if check.to_do else ""
    return (
        f'<li class="{_CLASSES[check.level]}">{_SIGNS[check.level]} '
        f"{in_html(check.sentence)}{to_do}</li>"
    )
