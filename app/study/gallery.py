"""Several series: their middle slices to choose from, the one that fits best first."""

from __future__ import annotations

import streamlit as st

from shell.plain_text import in_markdown
from study.intake import MOST_PREVIEWS, Found

_COLUMNS = 4


def choose_series(found: Found, key: str) -> str | None:
    """Show the series and return the key of the one whose button was pressed."""
    study = found.study
    best = study.suggestion.place if study.suggestion else None
    order = sorted(range(min(len(study.series), MOST_PREVIEWS)), key=lambda place: place != best)
    st.markdown("##### Choose the series to compare")
    chosen = None
    for start in range(0, len(order), _COLUMNS):
        for column, place in zip(
            st.columns(_COLUMNS), order[start : start + _COLUMNS], strict=False
        ):
            with column, st.container(border=True):
                _show(found, place, suggested=place == best)
                pressed = st.button(
                    "Open this series",
                    key=f"series {key} {place}",
                    type="primary" if place == best else "secondary",
                    width="stretch",
                )
                if pressed:
                    chosen = study.series[place].key
    return chosen or _of_the_rest(found, key)


def _show(found: Found, place: int, *, suggested: bool) -> None:
    study = found.study
    png = found.previews[place].png
    if png is None:
        st.caption("The middle of this series cannot be read.")
    else:
        st.image(png, width="stretch", alt=f"middle of series {study.series[place].label}")
    st.markdown(f"**{in_markdown(study.series[place].label)}**")
    if suggested and study.suggestion is not None:
        st.badge("Suggested", icon=":material/star:", color="green")
        st.caption(in_markdown(study.suggestion.reason))


def _of_the_rest(found: Found, key: str) -> str | None:
    rest = found.study.series[MOST_PREVIEWS:]
    if not rest:
        return None
    labels = {one.key: one.label for one in rest}
    return st.selectbox(
        f"{len(rest)} further series",
        list(labels),
        index=None,
        format_func=lambda name: labels.get(name, ""),
        placeholder="type to search",
        key=f"further {key}",
    )
