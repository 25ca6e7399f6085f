"""Headers of DICOM files -> sources: what belongs together is read together."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from medsiam.errors import ScanError
from medsiam.scans.dicom.frames import FrameVolume, volumes_in
from medsiam.scans.dicom.header import Header
from medsiam.scans.dicom.series import Part, split_series, why_split
from medsiam.scans.dicom.volumes import told_apart
from medsiam.scans.faults import ScanWarning, warning
from medsiam.scans.guard import guarded
from medsiam.scans.source import ScanSource


def series_sources(headers: Sequence[Header]) -> Iterator[ScanSource]:
    """Yield what can be read as one scan each: a series, or a volume of one that holds several."""
    of_series: dict[str, list[Part]] = defaultdict(list)
    for part in split_series(headers):
        of_series[part[0].series_uid or str(part[0].path)].append(part)
    for parts in of_series.values():
        for part, said in zip(parts, _said_of_split(parts), strict=True):
            if part[0].frames > 1:
                yield from _frame_sources(part[0])
            else:
                yield _series_source(part, said)


def _said_of_split(parts: Sequence[Part]) -> list[tuple[ScanWarning, ...]]:
    """Say where slices of one series were held apart; single pictures in a series are usual."""
    if len(parts) < 2:
        return [()]
    folders: dict[Path, list[Part]] = defaultdict(list)
    places: dict[object, list[Part]] = defaultdict(list)
    for part in parts:
        folders[part[0].path.parent].append(part)
        places[_place(part)].append(part)
    return [
        (*_mixed(folders[part[0].path.parent]), *_which(part, places[_place(part)]))
        for part in parts
    ]


def _mixed(parts: Sequence[Part]) -> tuple[ScanWarning, ...]:
    """Name what holds the parts of one series in one folder apart."""
    code, what = why_split([part[0] for part in parts])
    said = warning("split_series", f"{what}; read as {len(parts)} scans")
    return (said,) if code.startswith("mixed_") and len(parts) > 1 else ()


def _which(part: Part, parts: Sequence[Part]) -> tuple[ScanWarning, ...]:
    """Name one of several volumes at the same place; copies in other folders count once."""
    found = {other[0].slice_key: other for other in parts}
    if len(found) < 2:
        return ()
    _, phrases = told_apart([other[0].marks for other in found.values()])
    return (warning("one_of_several", phrases[list(found).index(part[0].slice_key)]),)


def _place(part: Part) -> object:
    first = part[0]
    if first.plane is None:
        return first.path
    return (first.columns, first.rows, *(round(mm, 2) for mm in first.plane.position))


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
