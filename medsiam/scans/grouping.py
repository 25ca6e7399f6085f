"""Headers of DICOM files -> sources: what belongs together is read together."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from medsiam.scans.dicom.header import Header
from medsiam.scans.dicom.series import Series, split_series, why_split
from medsiam.scans.faults import ScanWarning, warning
from medsiam.scans.source import ScanSource


def series_sources(headers: Sequence[Header]) -> Iterator[ScanSource]:
    """Yield what can be read as one scan each."""
    of_series: dict[str, list[Series]] = defaultdict(list)
    for part in split_series(headers):
        of_series[part[0].series_uid or ""].append(part)
    for uid, parts in of_series.items():
        said = _said_of_split(parts) if uid else ()
        for part in parts:
            yield _series_source(part, said)


def _said_of_split(parts: Sequence[Series]) -> tuple[ScanWarning, ...]:
    """Say where slices of one series were held apart; single pictures in a series are usual."""
    if len(parts) < 2:
        return ()
    code, what = why_split([part[0] for part in parts])
    said = warning("split_series", f"{what}; read as {len(parts)} scans")
    return (said,) if code.startswith("mixed_") else ()


def _series_source(part: Series, said: tuple[ScanWarning, ...]) -> ScanSource:
    files = tuple(sorted(header.path for header in part))
    first = part[0]
    slices = {header.slice_key or header.path for header in part}
    dims = 2 if len(slices) == 1 and first.frames == 1 else 3
    return ScanSource(
        kind="dicom",
        path=files[0] if len(files) == 1 else Path(os.path.commonpath(files)),
        files=files,
        series_uid=first.series_uid,
        modality=first.modality,
        spatial_dims=None if first.is_mosaic else dims,
        is_localizer=all(header.is_localizer for header in part),
        warnings=said,
    )
