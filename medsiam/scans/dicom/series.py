"""Headers of many DICOM files -> series whose slices belong together -> `Scan`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.scans.dicom.assemble import volume_scan
from medsiam.scans.dicom.geometry import same_direction, same_spacing
from medsiam.scans.dicom.header import Header, read_dataset, read_header
from medsiam.scans.dicom.pixels import Picture, pictures
from medsiam.scans.dicom.single import read_dicom
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.scan import Scan

Series = tuple[Header, ...]


def split_series(headers: Sequence[Header]) -> list[Series]:
    """Divide files into those that can be one scan, in the order of their first files.

    Files belong together where they share series, study and patient, matrix, photometric
    interpretation, direction and pixel spacing: so a localizer never bends a volume. Files with
    several frames, without position or without SeriesInstanceUID stand alone. A series may be
    spread over folders, but where folders repeat each other's slices each holds a copy of its own.
    """
    parts: dict[tuple[object, ...], list[list[Header]]] = defaultdict(list)
    for header in headers:
        alone = header.frames > 1 or header.plane is None or header.series_uid is None
        key = (header.path,) if alone else _key(header)
        for part in parts[key]:
            if _parallel(part[0], header):
                part.append(header)
                break
        else:
            parts[key].append([header])
    return [
        tuple(copy) for found in parts.values() for part in found for copy in _copies_apart(part)
    ]


def why_split(parts: Sequence[Header]) -> tuple[str, str]:
    """Return (code, what) for one series that `split_series` has divided.

    Args:
        parts: one header of each part.
    """
    n = len(parts)
    if all(header.plane is None for header in parts):
        return "no_geometry", f"one series of {n} objects without positions"
    sizes = sorted({f"{header.columns} x {header.rows}" for header in parts})
    if len(sizes) > 1:
        return "mixed_matrix", f"one series with slices of {len(sizes)} sizes ({', '.join(sizes)})"
    planes = [header.plane for header in parts if header.plane is not None]
    if not all(same_direction(planes[0], plane) for plane in planes):
        return "mixed_orientation", f"one series with slices in {n} directions"
    if not all(same_spacing(planes[0], plane) for plane in planes):
        return "mixed_spacing", f"one series with {n} pixel spacings"
    return "several_series", f"one series in {n} parts (other patient, or copies in other folders)"


def read_series(
    files: Sequence[Path], *, part: int | None = None, allow_resample: bool = False
) -> Scan:
    """Read the files of one series: one file as it is, several as a volume.

    Args:
        files: in any order; slices are ordered by position along their normal.
        part: which volume or frame of a single file, from 0; None where it holds one.
        allow_resample: fill gaps between slices by interpolation.

    Raises:
        ScanError: `mosaic_not_supported`, the codes of `why_split`, and every fault of header,
            pixels and stack.
    """
    if len(files) == 1:
        return read_dicom(files[0])
    folder = Path(os.path.commonpath(files))
    headers = [read_header(path) for path in files]
    parts = split_series(headers)
    if len(parts) > 1:
        code, what = why_split([part[0] for part in parts])
        raise fault(code, folder, what)
    if headers[0].is_mosaic:
        raise fault("mosaic_not_supported", folder, f"{len(headers)} Siemens mosaics")
    slices, said = drop_repeated(headers)
    if len(slices) == 1:
        scan = read_dicom(slices[0].path)
        return replace(scan, warnings=(*said, *scan.warnings))
    return volume_scan(
        slices[0],
        [header.plane for header in slices if header.plane is not None],
        _decoded(slices),
        path=folder,
        sources=[header.path for header in slices],
        warnings=said,
    )


def drop_repeated(headers: Sequence[Header]) -> tuple[list[Header], tuple[ScanWarning, ...]]:
    """Leave out copies of a slice: the same SOPInstanceUID at the same position.

    Of several copies the largest file stays, since a copy may have been cut off. A UID that comes
    back at another position is no copy: some anonymisers give one UID to all slices.

    Returns:
        the slices that stay, in their order, and a sentence where some were left out.
    """
    kept: dict[object, Header] = {}
    for number, header in enumerate(headers):
        key = header.slice_key or number
        if key not in kept or _size(header) > _size(kept[key]):
            kept[key] = header
    repeated = len(headers) - len(kept)
    if not repeated:
        return list(headers), ()
    what = f"{repeated} of {len(headers)} files repeat a slice (same SOPInstanceUID); left out"
    return list(kept.values()), (warning("repeated_slices", what),)


def _copies_apart(part: list[Header]) -> list[list[Header]]:
    folders: dict[Path, list[Header]] = defaultdict(list)
    for header in part:
        folders[header.path.parent].append(header)
    keys = [
        key for here in folders.values() for key in {header.slice_key for header in here} if key
    ]
    return [part] if len(keys) == len(set(keys)) else list(folders.values())


def _size(header: Header) -> int:
    return header.path.stat().st_size


def _decoded(slices: Sequence[Header]) -> Iterator[Picture]:
    for header in slices:
        yield from pictures(read_dataset(header.path), header)


def _key(header: Header) -> tuple[object, ...]:
    return (
        header.series_uid,
        header.study_uid,
        header.patient_id,
        header.columns,
        header.rows,
        header.samples,
        header.photometric,
        header.is_mosaic,
    )


def _parallel(a: Header, b: Header) -> bool:
    if a.plane is None or b.plane is None:
        return False
    return same_direction(a.plane, b.plane) and same_spacing(a.plane, b.plane)
