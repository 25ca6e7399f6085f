"""The query beside a match, as a component of the page: drawn and moved in the browser."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from medsiam import Scan
from viewer.viewer_source import javascript, stylesheet
from viewer.volume import document, map_bytes, volume_of, voxel_bytes
from viewer.volume_route import PREFIX
from viewer.volume_shelf import Lent, the_shelf
from viewer.volume_token import signed

Verdict = Literal["1", "2", "3", "4"]
Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Pane:
    """One scan to show.

    Attributes:
        scan: image or volume.
        title: beside "Query" or "Match"; it must name no patient.
        overlay: signed map on the scan's own grid: above 0 speaks for the similarity.
        note: a sentence shown over the picture.
    """

    scan: Scan
    title: str
    overlay: NDArray[np.floating[Any]] | None = None
    note: str = ""


@dataclass(frozen=True)
class Viewed:
    """What the reader did.

    Attributes:
        region: (first, behind the last) voxel of the query along each stored axis, or None.
        step: +1 for the next match, -1 for the previous one, once for each key (J, K); else 0.
        verdict: the key of a verdict, once; else None.
    """

    region: Box | None = None
    step: int = 0
    verdict: Verdict | None = None


def paired_viewer(
    query: tuple[Pane, ...],
    match: tuple[Pane, ...],
    *,
    phases: tuple[str, ...],
    key: str,
    visitor: str,
    pick_region: bool = True,
) -> Viewed:
    """Show both side by side.

    Args:
        query: a pane per phase.
        match: in the same order.
        phases: their names; ("",) where a case is one scan.
        key: of the viewer on this page.
        visitor: for whom the volumes are; nobody else can fetch them.
        pick_region: whether a region of the query may be marked.
    """
    panes = (*query, *match)
    lent = [Lent(pane.scan, partial(voxel_bytes, pane.scan)) for pane in panes]
    maps = [pane.overlay for pane in panes if pane.overlay is not None]
    lent += [Lent(values, partial(map_bytes, values)) for values in maps]
    names = iter(the_shelf().lend(_lease(key).holder, lent))
    said = [_said(pane, next(names), visitor) for pane in panes]
    for pane, one in zip(panes, said, strict=True):
        if pane.overlay is not None:
            one["overlay"] = _address(next(names), visitor, "map", pane.overlay.size)
    pairs = zip(query, match, strict=True)
    result = _component()(
        key=key,
        data={
            "route": PREFIX,
            "phases": list(phases),
            "query": said[: len(query)],
            "match": said[len(query) :],
            "shared": [_share_a_frame(one.scan, other.scan) for one, other in pairs],
            "pick_region": pick_region,
        },
        default={"region": None},
        on_region_change=_nothing,
        on_step_change=_nothing,
        on_verdict_change=_nothing,
    )
    return viewed(result, [(one["id"], pane.scan) for one, pane in zip(said, query, strict=False)])


def viewed(result: Any, queries: list[tuple[str, Scan]]) -> Viewed:
    """What came from the browser, held against what may come."""
    step, verdict = result.get("step"), result.get("verdict")
    return Viewed(
        region=_box(result.get("region"), queries),
        step=step if type(step) is int and step in (-1, 1) else 0,
        verdict=verdict if verdict in get_args(Verdict) else None,
    )


def _box(said: Any, queries: list[tuple[str, Scan]]) -> Box | None:
    """The region, if it is one of a scan that is the query now."""
    if not isinstance(said, dict) or not isinstance(said.get("box"), list):
        return None
    scan = next((scan for name, scan in queries if name == said.get("id")), None)
    if scan is None or len(said["box"]) != scan.spatial_dims:
        return None
    box = []
    for ends, count in zip(said["box"], scan.spatial_shape, strict=True):
        if not isinstance(ends, list) or len(ends) != 2 or any(type(n) is not int for n in ends):
            return None
        if not 0 <= ends[0] < ends[1] <= count:
            return None
        box.append((ends[0], ends[1]))
    return tuple(box)


def _said(pane: Pane, name: str, visitor: str) -> dict[str, Any]:
    volume = volume_of(pane.scan)
    size = int(np.prod(volume.shape)) * (3 if volume.channels == 3 else 2)
    kind = "colour" if volume.channels == 3 else "grey"
    return {
        **_address(name, visitor, kind, size),
        "title": pane.title,
        "note": pane.note,
        "overlay": None,
        "volume": document(pane.scan),
    }


def _address(name: str, visitor: str, kind: str, length: int) -> dict[str, Any]:
    return {"id": name, "token": signed(name, visitor), "kind": kind, "length": length}


def _share_a_frame(one: Scan, other: Scan) -> bool:
    """Only of one series it is known that its positions are of one room (PS3.3 C.7.4.1)."""
    return one.series_uid is not None and one.series_uid == other.series_uid


@dataclass(frozen=True)
class _Lease:
    """What one viewer of one session holds on the shelf."""

    holder: str

    def end(self) -> None:
        the_shelf().release(self.holder)


# A session that opened other studies since lets go of what it no longer shows.
@st.cache_resource(scope="session", max_entries=2, on_release=_Lease.end, show_spinner=False)
def _lease(key: str) -> _Lease:
    return _Lease(f"{key} {secrets.token_hex(8)}")


@cache
def _component() -> Any:
    return st.components.v2.component(
        "medsiam_paired_viewer", js=javascript(), css=stylesheet(), html="<div></div>"
    )


def _nothing() -> None:
    """Streamlit wants a callback for every value that may come."""
