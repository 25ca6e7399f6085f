"""Which cases of the bank are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from medsiam import Case

NOT_SAID = "not said"
_FACTS: dict[str, Callable[[Case], str | None]] = {
    "condition": lambda case: case.condition,
    "modality": lambda case: case.modality,
    "proof": lambda case: case.proof,
    "source": lambda case: case.source,
    "scanner": lambda case: case.scanner,
}


@dataclass(frozen=True)
class CaseFilter:
    """What is asked for.

    Attributes:
        text: part of the case_id.
        wanted: (fact, values) pairs; a case must have one of the values of each fact.
    """

    text: str = ""
    wanted: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def passes(self, case: Case) -> bool:
        """Whether a case is shown."""
        return self.text.lower() in case.case_id.lower() and all(
            value_of(case, fact) in values for fact, values in self.wanted if values
        )


def value_of(case: Case, fact: str) -> str:
    """What a case says of a fact."""
    return _FACTS[fact](case) or NOT_SAID


def values_of(cases: Sequence[Case], fact: str) -> list[str]:
    """Every value that a case has, sorted, what is not said last."""
    found = {value_of(case, fact) for case in cases}
    return [*sorted(found - {NOT_SAID}), *sorted(found & {NOT_SAID})]


def choose_filter(cases: Sequence[Case]) -> CaseFilter:
    """Show one chooser per fact that tells cases apart, and return what is asked for."""
    known = {fact: values_of(cases, fact) for fact in _FACTS}
    telling = {fact: values for fact, values in known.items() if len(values) > 1}
    columns = st.columns(len(telling) + 1)
    text = columns[0].text_input("case", placeholder="part of its name", key="cases text")
    wanted = tuple(
        (
            fact,
            tuple(column.multiselect(fact, values, placeholder="all", key=f"cases {fact}")),
        )
        for column, (fact, values) in zip(columns[1:], telling.items(), strict=True)
    )
    return CaseFilter(text.strip(), wanted)
