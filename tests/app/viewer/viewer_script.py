"""A page with the viewer and nothing else, for the browser tests: `study()` makes its scans."""

from __future__ import annotations

from importlib import import_module

import streamlit as st

from viewer.paired_viewer import paired_viewer

VISITOR = "somebody"

if __name__ == "__main__":
    st.set_page_config(layout="wide")
    runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    made = st.session_state.setdefault(
        "made", import_module("tests.app.viewer.viewer_scans").study(st.query_params["study"])
    )
    number = st.session_state.setdefault("number", 0)
    seen = paired_viewer(
        made.query, made.matches[number], phases=made.phases, key="pair", visitor=VISITOR
    )
    told = st.session_state.setdefault("told", [])
    if seen.step or seen.verdict:
        told.append([seen.step, seen.verdict])
    if seen.step:
        st.session_state["number"] = (number + seen.step) % len(made.matches)
        st.rerun()
    st.text(f"runs {runs}")
    st.text(f"region {seen.region}")
    st.text(f"told {told}")
