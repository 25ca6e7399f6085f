"""Headers of DICOM files -> sources: what belongs together is read together."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from medsiam.errors import ScanError
from medsiam.scans.dicom.frames import FrameVolume, volumes_in
from medsiam.scans.dicom.header import Header
from medsiam.scans.dicom.series import Part, siblings, why_split
from medsiam.scans.dicom.volumes import told_apart
from medsiam.scans.faults import ScanWarning, warning
from medsiam.scans.guard import guarded
from medsiam.scans.source import ScanSource


def series_sources(headers: Sequence[Header]) -> Iterator[ScanSource]:
    """Yield what can be read as one scan each: a series, or a volume of one that holds several."""
    of_series: dict[object, list[Part]] = defaultdict(list)
    which: dict[int, tuple[ScanWarning, ...]] = {}
    for volumes in siblings(headers):
        for part, said in zip(volumes, _said_of_siblings(volumes), strict=True):
            which[id(part)] = said
            first = part[0]
            of_series[(first.series_uid or first.path, first.path.parent)].append(part)
    for parts in of_series.values():
        mixed = _said_of_split(parts)
        for part in parts:
            if part[0].frames > 1:
                yield from _frame_sources(part[0])
            else:
                yield _series_source(part, (*mixed, *which[id(part)]))


def _said_of_split(parts: Sequence[Part]) -> tuple[ScanWarning, ...]:
    """Name what holds the parts of one series in one folder apart.

    Single pictures without positions in a series are usual, and volumes at one place are told apart
    elsewhere.
    """
    if len(parts) < 2:
        return ()
    code, what = why_split([part[0] for part in parts])
    usual = ("no_geometry", "several_time_points", "several_echoes", "several_image_types")
    said = warning("split_series", f"{what}; read as {len(parts)} scans")
    return () if code in usual else (said,)


def _said_of_siblings(volumes: Sequence[Part]) -> list[tuple[ScanWarning, ...]]:
    """Say of each of several volumes at one place which it is, and what it lacks."""
    if len(volumes) < 2:
        return [() for _ in volumes]
    _, phrases = told_apart([part[0].marks for part in volumes])
    most = max(map(len, volumes))
    found = []
    for part, phrase in zip(volumes, phrases, strict=True):
        said = [warning("one_of_several", phrase)]
        if len(part) < most:
            what = f"{len(part)} slices where others of its series have {most}"
            said.append(warning("fewer_slices", what))
        found.append(tuple(said))
    return found


def _series_source(part: Part, said: tuple[ScanWarning, ...]) -> ScanSource:
    files = tuple(header.path for header in part)
    first = part[0]
    slices = {header.slice_key or header.path for header in part}
    dims = 2 if len(slices) == 1 and not first.is_mosaic else 3
    return ScanSource(
        kind="dicom",
        path=files[0] if len(files) == 1 else Path(os.path.commonpath(files)),
        files=files,
        series_uid=first.series_uid,
        modality=first.modality,
        body_part=first.body_part,
        transfer_syntax=first.transfer_syntax.name,
        frames=len(slices),
        spatial_dims=dims,
        is_localizer=all(header.is_localizer for header in part),
        warnings=said,
    )


def _frame_sources(header: Header) -> Iterator[ScanSource]:
    """Yield each volume of a file with several frames; a film without positions as a whole."""
    try:
        with guarded(header.path):
            volumes = volumes_in(header) or []
    except ScanError:
        volumes = []  # reading it will say why
    n = len(volumes)
    _, phrases = told_apart([volume.placed[0].marks for volume in volumes]) if n else ("", [])
    for k, volume in enumerate(volumes):
        said = warning("one_of_several", phrases[k])
        yield _frame_source(header, volume, k if n > 1 else None, (said,) if n > 1 else ())
    if not volumes:
        yield _frame_source(header, None, None, ())


def _frame_source(
    header: Header, volume: FrameVolume | None, part: int | None, said: tuple[ScanWarning, ...]
) -> ScanSource:
    dims = None if volume is None else (2 if len(volume.frames) == 1 else 3)
    return ScanSource(
        kind="dicom",
        path=header.path,
        files=(header.path,),
        part=part,
        series_uid=header.series_uid,
        modality=header.modality,
        body_part=header.body_part,
        transfer_syntax=header.transfer_syntax.name,
        frames=header.frames if volume is None else len(volume.frames),
        spatial_dims=dims,
        is_localizer=header.is_localizer,
        warnings=said,
    )
