"""A study on its way in: what was given, what was found, and what the reader decided so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

import streamlit as st

from medsiam import ReferenceBank, Scan
from medsiam.errors import MedsiamError, ScanError
from study.archive import Upload
from study.checks import Check, check_scan, needs_decision
from study.fault_words import Words, words_for
from study.intake import Found, OnStep, read_of_uploads

_SLOT = "opening"


@dataclass(frozen=True)
class Opening:
    """One scan on its way in.

    Attributes:
        found: what is in what was given; None where nothing could be.
        read: reads one of several series by its key.
        names: of the files given; shown only when identity is revealed.
        key: which series was chosen.
        scan: once read.
        checks: so far.
        fault: why it cannot be opened.
        detail: what was seen in this very study.
        accepted: the reader goes on, in spite of what was found if there was something.
        seconds: it has taken, without the reader.
    """

    found: Found | None
    read: Callable[[str], Scan] | None = field(default=None, repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    key: str | None = field(default=None, repr=False)
    scan: Scan | None = None
    checks: tuple[Check, ...] = ()
    fault: Words | None = None
    detail: str = ""
    accepted: bool = False
    seconds: float = 0.0


def begin(
    look: Callable[[OnStep], Found],
    bank: ReferenceBank,
    on_step: OnStep,
    *,
    read: Callable[[str], Scan] | None = None,
    names: Sequence[str] = (),
) -> Opening:
    """Look into what was given; where there is one series, read and check it."""
    start = time.monotonic()
    try:
        found = look(on_step)
    except MedsiamError as error:
        return _failed(Opening(None, names=tuple(names)), error)
    opening = Opening(found, read, tuple(names), checks=found.checks)
    if found.scan is not None:
        opening = _checked(replace(opening, scan=found.scan), bank)
    return replace(opening, seconds=time.monotonic() - start)


def choose(opening: Opening, key: str, bank: ReferenceBank) -> Opening:
    """Read and check one of several series."""
    assert opening.read is not None
    try:
        scan = opening.read(key)
    except MedsiamError as error:
        return _failed(replace(opening, key=key), error)
    return _checked(replace(opening, key=key, scan=scan), bank)


def unchoose(opening: Opening) -> Opening | None:
    """Go back to the choice of the series; None where there was none."""
    found = opening.found
    if found is None or len(found.study.series) < 2:
        return None
    return Opening(found, opening.read, opening.names, checks=found.checks)


def reader_of_uploads(uploads: Sequence[Upload], bank: ReferenceBank) -> Callable[[str], Scan]:
    """Return what reads one of several series of uploads."""
    return lambda key: read_of_uploads(uploads, key, bank)


def label_of(scan: Scan) -> str:
    """Return what a scan is, for lists and titles; nobody's name."""
    facts = [scan.modality, scan.body_part, f"{scan.spatial_dims}D"]
    size = " x ".join(str(n) for n in scan.spatial_shape)
    return " ".join(str(fact) for fact in facts if fact) + f", {size}"


def held(phase: str) -> Opening | None:
    """Return what is on its way in for a phase, in this session."""
    return cast("Opening | None", st.session_state.get(f"{_SLOT} {phase}"))


def hold(phase: str, opening: Opening | None) -> None:
    """Keep it for the next run of the page; None forgets it."""
    if opening is None:
        with suppress(KeyError):
            del st.session_state[f"{_SLOT} {phase}"]
    else:
        st.session_state[f"{_SLOT} {phase}"] = opening


def _checked(opening: Opening, bank: ReferenceBank) -> Opening:
    assert opening.scan is not None
    checks = (*opening.checks, *check_scan(opening.scan, bank))
    return replace(opening, checks=checks, accepted=not needs_decision(checks))


def _failed(opening: Opening, error: MedsiamError) -> Opening:
    # Only a fault of a scan says in its message just what was seen; others may name a path.
    detail = str(error) if isinstance(error, ScanError) else ""
    return replace(opening, fault=words_for(error), detail=detail)
