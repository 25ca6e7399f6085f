"""Why query and match are close: a map on each, made when it is asked for."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from medsiam import Case, MedsiamError, ReferenceBank, Scan
from medsiam.comparison import PairedExplanation, explain_match
from medsiam.reports import main_axis, plane_of, strongest_slices
from shell.inference import on_worker
from shell.open_bank import case_scans
from shell.plain_text import in_markdown

# Of the last few matches looked at; maps are as large as their scans.
_MAPS = "similarity maps"
_KEPT = 3

Key = tuple[str, str, int]


def maps_of(key: Key) -> tuple[PairedExplanation, ...] | None:
    """The maps of a match, one per phase, if they were asked for; the viewer lays them over.

    Args:
        key: study, case_id and version of the bank.
    """
    found: dict[Key, tuple[PairedExplanation, ...]] = st.session_state.get(_MAPS, {})
    return found.get(key)


def show_why(key: Key, case: Case | None, query: tuple[Scan, ...], bank: ReferenceBank) -> None:
    """Draw the tab."""
    if case is None:
        st.info("This case was removed from the bank; compare again.")
        return
    found = maps_of(key)
    if found is None:
        st.markdown(
            "Maps mark, on both scans, where their similarity comes from. They explain the "
            "encoder, not the disease: they do not outline a lesion."
        )
        if st.button("Make the maps of this match", icon=":material/layers:", key="make maps"):
            try:
                found = on_worker(
                    "Making the maps", lambda: explain_match(query, case.case_id, bank)
                )
            except MedsiamError as error:
                st.warning(in_markdown(error), icon=":material/layers_clear:")
                return
            kept = st.session_state.setdefault(_MAPS, {})
            kept[key] = found
            while len(kept) > _KEPT:
                del kept[next(iter(kept))]
            st.rerun()
        return
    st.markdown(in_markdown(f"{found[0].explains} {found[0].trust}"))
    st.markdown("They lie over both pictures above: choose *map* there to see or to hide them.")
    if query[0].spatial_dims == 2:
        return
    kept = case_scans(str(bank.path), case.case_id, case.content_hashes)
    for phase, one in enumerate(found):
        name = f"{bank.phases[phase]}: " if len(found) > 1 else ""
        said = (
            f"query {strongest_words(query[phase], one.query.values)}",
            f"match {strongest_words(kept[phase], one.match.values)}",
        )
        st.caption(in_markdown(f"{name}strongest on {' and on '.join(said)}"))


def strongest_words(scan: Scan, values: NDArray[np.floating]) -> str:
    """Which slices a map marks most, counted as the viewer counts them.

    Args:
        scan: a volume.
        values: of its map, (x, y, z).
    """
    axis = main_axis(scan)
    plane, count = plane_of(scan, axis), scan.spatial_shape[axis]
    places = [
        count - index if plane.flip_slices else index + 1
        for index in strongest_slices(scan, values)
    ]
    return f"{plane.name} {', '.join(map(str, sorted(places)))} of {count}"
