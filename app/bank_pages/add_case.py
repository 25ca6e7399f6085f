"""Add one case to the bank: look, say, check, confirm."""

from __future__ import annotations

import streamlit as st

from bank_pages.case_drawer import warnings_of
from bank_pages.new_facts import Facts, ask_facts
from bank_pages.new_scans import choose_scans
from compare.ranked_list import distance_words
from medsiam import MedsiamError, ReferenceBank, Scan
from medsiam.bank import NewCase
from medsiam.comparison import Surroundings, around_new
from medsiam.errors import BankError
from medsiam.reports import thumbnail_png
from shell.inference import on_worker
from shell.open_bank import may_curate
from shell.plain_text import in_html, in_markdown
from shell.thumbnails import LARGE, STYLE, picture_html, strip_html

_TURN, _CHECKED, _SAID = "cases added", "checked case", "said of the added case"
_NEAREST = 5


def add_tab(bank: ReferenceBank) -> None:
    """Draw the tab."""
    if not may_curate():
        st.info(
            "This server was started for looking only: nobody can add a case here. A curator "
            "starts it with `medsiam review --curate`, or adds cases with `medsiam bank add`.",
            icon=":material/lock:",
        )
        return
    st.html(STYLE)
    for sentence in st.session_state.pop(_SAID, ()):
        st.success(in_markdown(sentence), icon=":material/check_circle:")
    st.caption("A new case makes a new version of the bank. No older version changes.")
    turn = st.session_state.setdefault(_TURN, 0)
    given = choose_scans(turn)
    if given is None:
        return
    look, say = st.columns([2, 3], gap="large")
    with look:
        _show(given, bank.phases)
    with say:
        facts = ask_facts(bank, given, turn=turn)
        _check_and_confirm(bank, given, facts)


def _show(scans: tuple[Scan, ...], phases: tuple[str, ...]) -> None:
    """The pictures of the new case; of a volume any slice, for the curator has to look."""
    for number, (scan, phase) in enumerate(zip(scans, phases, strict=True)):
        title = f"Picture, phase {phase}" if phase else "Picture"
        fraction = 0.5
        if scan.spatial_dims == 3:
            at = st.slider(
                f"{in_markdown(title)}: percent of the way through the slices", 0, 100, 50,
                key=f"look {number} {scan.content_hash[:12]}",
            )  # fmt: skip
            fraction = at / 100
        png = thumbnail_png(scan, longest=LARGE, fraction=fraction)
        st.html(f'<figure class="thumb large">{picture_html(png, title)}</figure>')
        for warning in scan.warnings:
            st.warning(in_markdown(warning), icon=":material/warning:")


def _check_and_confirm(bank: ReferenceBank, scans: tuple[Scan, ...], facts: Facts) -> None:
    if facts.missing:
        st.caption(f"Still to be said: {in_markdown(', '.join(facts.missing))}.")
    asked = (facts, tuple(scan.content_hash for scan in scans), bank.version)
    if st.button("Check against the bank", disabled=bool(facts.missing), icon=":material/search:"):
        st.session_state.pop(_CHECKED, None)
        try:
            new = facts.new_case(scans, bank.phases)
            st.session_state[_CHECKED] = (asked, new, check(bank, new))
        except MedsiamError as error:
            st.error(in_markdown(error), icon=":material/error:")
    known = st.session_state.get(_CHECKED)
    if known is not None and known[0] == asked and not facts.missing:
        _confirm(bank, known[1], known[2], facts)


def check(bank: ReferenceBank, new: NewCase) -> Surroundings:
    """Ask the bank whether it would take the case, and look around it.

    Raises:
        MedsiamError: it would not, and why.
    """
    if new.tells_patient:
        raise BankError(
            "the case id or another text contains the patient's identifier, and the bank shows "
            "these texts as they are: choose words of your own"
        )
    bank.check(new)
    return on_worker("Comparing with the bank", lambda: around_new(bank, new, k=_NEAREST))


def _confirm(bank: ReferenceBank, new: NewCase, around: Surroundings, facts: Facts) -> None:
    by_id = {case.case_id: case for case in bank.cases}
    warnings = warnings_of(around)
    for sentence in warnings:
        st.warning(in_markdown(sentence), icon=":material/content_copy:")
    for title, matches in (
        ("The same picture", around.same_picture),
        ("Unduly near", around.too_near),
        ("Cases of the same patient", around.same_patient),
        ("Nearest cases of other patients", around.others),
    ):
        if matches:
            shown = [(by_id[m.case_id], distance_words(m.distance)) for m in matches[:_NEAREST]]
            st.html(f"<h5>{in_html(title)}</h5>{strip_html(bank, shown)}")
    sure = True
    if warnings:
        sure = st.checkbox("I have looked at them, and it shall be added all the same")
    st.caption(_after(bank))
    if st.button(
        f"Add to the bank as version {bank.version + 1}",
        type="primary",
        disabled=not sure,
        icon=":material/add:",
    ):
        _add(bank, new, facts)


def _add(bank: ReferenceBank, new: NewCase, facts: Facts) -> None:
    try:
        on_worker("Adding", lambda: bank.add_many([new], who=facts.who, why=facts.why))
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/error:")
        return
    st.session_state[_SAID] = (
        f"Case {new.case_id} ({new.condition}) was added: the bank is now version {bank.version}. "
        f"{_after(bank)}",
    )
    st.session_state.pop(_CHECKED, None)
    st.session_state[_TURN] += 1
    st.rerun()


def _after(bank: ReferenceBank) -> str:
    """What becomes of the calibration."""
    kept = bank.calibration
    if kept is None:
        return "This bank has no calibration; make one with medsiam bank calibrate."
    return (
        f"The calibration was measured on version {kept.bank_version} and belongs to it: "
        "probabilities and limits are not measured for a newer version before medsiam bank "
        "calibrate is run again."
    )
