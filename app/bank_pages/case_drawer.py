"""One case, opened: its pictures, what is known of it, what lies around it, its history."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from compare.case_facts import case_facts, facts_html
from compare.ranked_list import distance_words
from medsiam import Case, Match, MedsiamError, ReferenceBank
from medsiam.bank import Stay
from medsiam.comparison import Surroundings, around_case
from shell.plain_text import in_html, in_markdown
from shell.thumbnails import LARGE, STYLE, picture_html, pictures, thumbnail_html

_OPENED = "opened case"
_AROUND = 5


def open_case(bank: ReferenceBank, case_id: str) -> None:
    """Open the drawer on a case."""
    st.session_state[_OPENED] = case_id
    _drawer(bank)


@st.dialog("Case", width="large", icon=":material/inventory_2:")
def _drawer(bank: ReferenceBank) -> None:
    show_case(bank, str(st.session_state[_OPENED]))


def show_case(bank: ReferenceBank, case_id: str) -> None:
    """Draw everything about one case."""
    st.html(STYLE)
    by_id = {case.case_id: case for case in bank.cases}
    case = by_id.get(case_id)
    if case is None:
        st.warning(f"Case {in_markdown(case_id)} was removed from the bank meanwhile.")
    else:
        if case.proof == "none":
            st.warning("Nothing proves the diagnosis of this case.", icon=":material/unpublished:")
        images, facts = st.columns([2, 3], gap="medium")
        with images:
            _show_pictures(bank, case)
        with facts:
            st.html(facts_html(case_facts(case)))
        try:
            with st.spinner("Measuring ..."):
                around = around_case(bank, case_id, k=_AROUND)
            _show_around(bank, around, by_id)
        except MedsiamError as error:
            st.error(in_markdown(error), icon=":material/error:")
    st.markdown("##### History")
    st.html(history_html(bank.stays(case_id)))


def warnings_of(around: Surroundings) -> tuple[str, ...]:
    """What a curator must look at, one sentence each."""
    said = []
    if around.same_picture:
        said.append(
            f"The same picture seems to be in the bank as {_names(around.same_picture)}. "
            "Where it is one patient, one of the two is enough."
        )
    if around.too_near:
        said.append(
            f"Nearer than two patients of this bank ever are: {_names(around.too_near)}. "
            "Perhaps it is the same patient under another number."
        )
    return tuple(said)


def show_matches(
    bank: ReferenceBank, title: str, matches: Sequence[Match], by_id: dict[str, Case]
) -> None:
    """Show cases in a row, each with its distance and a way to open it."""
    st.markdown(f"##### {title}")
    columns = st.columns(_AROUND)
    for column, match in zip(columns, matches[:_AROUND], strict=False):
        with column:
            said = f"distance {distance_words(match.distance)}"
            st.html(thumbnail_html(bank, by_id[match.case_id], more=said))
            st.button(
                in_markdown(match.case_id),
                key=f"{title} {match.case_id}",
                on_click=_open_next,
                args=(match.case_id,),
                width="stretch",
            )
    if len(matches) > _AROUND:
        st.caption(f"and {len(matches) - _AROUND} more")


def history_html(stays: Sequence[Stay]) -> str:
    """When the case came and went: version, day, who and why."""
    lines = []
    for stay in stays:
        for what, version in (("added", stay.added), ("removed", stay.removed)):
            if version is not None:
                who = f" by {version.who}" if version.who else ""
                why = f": {version.why}" if version.why else ""
                day = version.created[:10]
                lines.append(f"{what} with version {version.number}, {day}{who}{why}")
    return f"<ul>{''.join(f'<li>{in_html(line)}</li>' for line in lines)}</ul>"


def _open_next(case_id: str) -> None:
    st.session_state[_OPENED] = case_id


def _show_pictures(bank: ReferenceBank, case: Case) -> None:
    try:
        shown = pictures(bank, case, longest=LARGE)
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/broken_image:")
        return
    if not shown:
        st.info("This bank keeps no pixels: its embedding and these facts are all there is.")
    for png, phase in zip(shown, case.phases, strict=False):
        middle = "middle slice" if bank.encoder_card.recipe.spatial_dims == 3 else ""
        said = ", ".join(filter(None, (phase, middle)))
        image = picture_html(png, f"case {case.case_id} {said}".strip())
        caption = f"<figcaption>{in_html(said)}</figcaption>"
        st.html(f'<figure class="thumb large">{image}{caption}</figure>')


def _show_around(bank: ReferenceBank, around: Surroundings, by_id: dict[str, Case]) -> None:
    for sentence in warnings_of(around):
        st.warning(in_markdown(sentence), icon=":material/content_copy:")
    if around.others:
        title = f"Nearest cases of other patients ({in_markdown(around.metric)})"
        show_matches(bank, title, around.others, by_id)
    else:
        st.caption("No case of another patient is in this bank.")
    if around.same_patient:
        show_matches(bank, "Cases of the same patient", around.same_patient, by_id)
    if around.same_picture:
        show_matches(bank, "The same picture", around.same_picture, by_id)


def _names(matches: Sequence[Match]) -> str:
    return ", ".join(f"{match.case_id} ({match.condition})" for match in matches[:_AROUND])
