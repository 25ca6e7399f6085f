"""The query beside one match. Moving a slider redraws this part of the page and nothing else."""

from __future__ import annotations

import streamlit as st

from medsiam import Scan
from shell.plain_text import in_markdown
from viewer.slice_pair import (
    BY_HAND,
    Picture,
    Window,
    common_scale,
    framed,
    linked_position,
    picture,
    plane_choices,
    png,
    window_choices,
    windows_of,
)

SIDE = 640  # pixels of each square picture, before the browser fits it to its column


@st.fragment
def show_pair(
    query_scans: tuple[Scan, ...], match_scans: tuple[Scan, ...], phases: tuple[str, ...], name: str
) -> None:
    """Show query and match side by side with their controls below.

    Args:
        query_scans: in phase order.
        match_scans: in the same order.
        phases: their names; ("",) where a case is one scan.
        name: of the match, for its caption.
    """
    pictures = st.container()
    phase = 0
    if len(phases) > 1:
        chosen = st.segmented_control(
            "Phase", phases, default=phases[0], required=True, key="phase shown"
        )
        phase = phases.index(chosen)
    pair = (query_scans[phase], match_scans[phase])
    slider = st.container()
    planes, window = st.columns([3, 8]) if pair[0].spatial_dims == 3 else (slider, st.container())
    with planes:
        axes = _choose_plane(*pair)
    with slider:
        positions = _choose_slice(*pair, axes)
    with window:
        windows = _choose_window(*pair)
    shown = [
        picture(scan, position, axis=axis, window=window)
        for scan, position, axis, window in zip(pair, positions, axes, windows, strict=True)
    ]
    with pictures:
        titles = ("Query", f"Match: {in_markdown(name)}")
        _draw(
            shown,
            titles,
            [_caption(*what) for what in zip(pair, positions, axes, windows, strict=True)],
        )


def _draw(shown: list[Picture], titles: tuple[str, str], captions: list[str]) -> None:
    scale = common_scale(shown, SIDE)
    for column, one, title, caption in zip(st.columns(2), shown, titles, captions, strict=True):
        with column:
            st.markdown(f"**{title}**")
            st.image(png(framed(one, SIDE, scale)), width="stretch", alt=f"slice of {title}")
            st.caption(caption)
    remarks = []
    if scale is None:
        remarks.append("Each picture fills its frame: their scales differ or are not known.")
    if any(one.letters is None for one in shown):
        remarks.append("Orientation not known for both: left and right cannot be trusted.")
    if remarks:
        st.caption(" ".join(remarks))


def _caption(scan: Scan, position: int, axis: int, window: Window) -> str:
    of = f"slice {position + 1} of {scan.spatial_shape[axis]} · " if scan.spatial_dims == 3 else ""
    return f"{of}window centre {window[0]:.4g}, width {window[1]:.4g}"


def _choose_plane(query: Scan, match: Scan) -> tuple[int, int]:
    """The stored axes that both are seen across; an image leaves no choice."""
    planes = plane_choices(query, match)
    names = list(planes)
    if len(names) == 1:
        return planes[names[0]]
    name = st.segmented_control("Plane", names, default=names[0], required=True, key="plane")
    return planes.get(name, planes[names[0]])


def _choose_slice(query: Scan, match: Scan, axes: tuple[int, int]) -> tuple[int, int]:
    if query.spatial_dims == 2:
        return 0, 0
    counts = (query.spatial_shape[axes[0]], match.spatial_shape[axes[1]])
    position = 0
    if counts[0] > 1:
        position = -1 + st.slider(
            "Slice of the query; the match follows by relative depth",
            *(1, counts[0], (counts[0] + 1) // 2),
            key=f"slice {axes[0]} {counts[0]}",
            help="The two scans are not registered: the middle of one is shown beside the middle "
            "of the other.",
        )
    return position, linked_position(position, *counts)


def _choose_window(query: Scan, match: Scan) -> tuple[Window, Window]:
    choices = window_choices(query, match)
    if query.n_channels > 1:
        return windows_of(choices[0], query, match)
    choice = st.segmented_control(
        "Window", choices, default=choices[0], required=True, key=f"window {len(choices)}"
    )
    if choice != BY_HAND:
        return windows_of(choice, query, match)
    low, high = float(query.array.min()), float(query.array.max())
    span = max(high - low, 1e-6)
    step = span / 200
    start = windows_of(choice, query, match)[0]
    ends = f"{low:.6g} {high:.6g}"  # another study has other greys, so other sliders
    left, right = st.columns(2)
    center = left.slider(
        "Centre", *(low, low + span, _within(start[0], low, low + span), step), key=f"centre {ends}"
    )
    width = right.slider(
        "Width", *(step, span, _within(start[1], step, span), step), key=f"width {ends}"
    )
    return (center, width), (center, width)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
