"""Headers of many DICOM files -> parts that make one scan each -> `Scan`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

from medsiam.errors import ScanError
from medsiam.scans.dicom.assemble import Stack
from medsiam.scans.dicom.geometry import same_direction, same_spacing
from medsiam.scans.dicom.header import Header, read_dataset, read_header
from medsiam.scans.dicom.pixels import pictures
from medsiam.scans.dicom.single import read_dicom
from medsiam.scans.dicom.volumes import Placed, separate, why_several
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.scan import Scan

Part = tuple[Header, ...]


def split_series(headers: Sequence[Header]) -> list[Part]:
    """Divide files into those that make one scan each: the volumes of all `siblings`."""
    return [volume for volumes in siblings(headers) for volume in volumes]


def siblings(headers: Sequence[Header]) -> list[list[Part]]:
    """Divide files into volumes, their slices in order; volumes at one place stand together.

    Files belong together where they share series, study and patient, matrix, photometric
    interpretation, direction and pixel spacing, and where no other picture lies at the same
    position: so neither a localizer nor an echo nor a time point ever bends a volume. Files with
    several frames, and files without position or without SeriesInstanceUID stand alone; a mosaic is
    a volume. A series may be spread over folders, but where a folder holds nothing that another one
    does not hold as well it is a copy of its own.
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
        _mosaics(copy) if copy[0].is_mosaic else _volumes(copy)
        for found in parts.values()
        for part in found
        for copy in _copies_apart(part)
    ]


def why_split(parts: Sequence[Header]) -> tuple[str, str]:
    """Return (code, what) for one series that `split_series` has divided.

    Args:
        parts: one header of each part.
    """
    n = len(parts)
    if all(header.is_mosaic for header in parts):
        return "several_time_points", f"one series of {n} mosaics, a volume each"
    if all(header.plane is None for header in parts):
        return "no_geometry", f"one series of {n} objects without positions"
    sizes = sorted({f"{header.columns} x {header.rows}" for header in parts})
    if len(sizes) > 1:
        return "mixed_matrix", f"one series with slices of {len(sizes)} sizes ({', '.join(sizes)})"
    placed = _placed(parts)
    if len(placed) < n or len({_key(header) for header in parts}) > 1:
        return "several_series", f"one series in {n} parts (other patient or kind of picture)"
    keys = [header.slice_key for header in parts if header.slice_key]
    if len(set(keys)) < len(keys):
        return "several_series", f"one series in {n} parts (copies in other folders)"
    code, what = why_several(placed)
    return code, f"one series with {what}"


def read_series(
    files: Sequence[Path], *, part: int | None = None, allow_resample: bool = False
) -> Scan:
    """Read the files of one scan: one file as it is, several as a volume.

    Args:
        files: in any order; slices are ordered by position along their normal.
        part: which volume or frame of a single file, from 0; None where it holds one.
        allow_resample: interpolate where slices are missing or unevenly spaced.

    Raises:
        ScanError: the codes of `why_split`, and every fault of header, pixels and stack.
    """
    if len(files) == 1:
        return read_dicom(files[0], part=part, allow_resample=allow_resample)
    folder = Path(os.path.commonpath(files))
    if part is not None:
        raise fault("no_such_part", folder, "the slices of one volume have no parts")
    try:
        return _volume(files, folder, allow_resample=allow_resample)
    except ScanError:
        kept, said = drop_repeated([read_header(path) for path in files])
        if not said:
            raise
    scan = read_series([header.path for header in kept], allow_resample=allow_resample)
    return replace(scan, warnings=(*said, *scan.warnings))


def _volume(files: Sequence[Path], folder: Path, *, allow_resample: bool) -> Scan:
    """Read each file once; that they make one volume is seen on the way."""
    headers: list[Header] = []
    stack = None
    for path in files:
        dataset, header = read_dataset(path)
        headers.append(header)
        if header.plane is None or header.is_mosaic or not _fits(header, headers[0]):
            raise _not_one_volume(files, folder)
        stack = stack or Stack(header, len(files), folder)
        (picture,) = pictures(dataset, header)
        stack.add(picture, header.plane)
    if stack is None or len(split_series(headers)) > 1:
        raise _not_one_volume(files, folder)
    return stack.scan(
        sources=files,
        warnings=tuple(dict.fromkeys(text for header in headers for text in header.warnings)),
        allow_resample=allow_resample,
    )


def _not_one_volume(files: Sequence[Path], folder: Path) -> ScanError:
    """Say what holds the files apart; slower than finding that something does."""
    kept, _ = drop_repeated([read_header(path) for path in files])
    parts = split_series(kept)
    code, what = why_split([part[0] for part in parts])
    return fault(code, folder, what)


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


def _mosaics(part: Sequence[Header]) -> list[Part]:
    """Each mosaic is a volume; time runs forward."""
    return [(header,) for header in sorted(part, key=lambda one: one.marks.order)]


def _volumes(part: Sequence[Header]) -> list[Part]:
    """Divide parallel slices into volumes; copies of a slice go with the slice."""
    if len(part) == 1:
        return [tuple(part)]
    copies: dict[object, list[Header]] = defaultdict(list)
    for number, header in enumerate(part):
        copies[header.slice_key or number].append(header)
    slices = list(copies.values())
    volumes = separate(_placed([same[0] for same in slices]))
    return [tuple(header for i in volume for header in slices[i]) for volume in volumes]


def _placed(headers: Sequence[Header]) -> list[Placed]:
    return [Placed(header.plane, header.marks) for header in headers if header.plane is not None]


def _copies_apart(part: list[Header]) -> list[list[Header]]:
    folders: dict[Path, list[Header]] = defaultdict(list)
    for header in part:
        folders[header.path.parent].append(header)
    keys = {
        folder: {header.slice_key for header in here if header.slice_key}
        for folder, here in folders.items()
    }
    if max(map(len, folders.values())) == 1:
        return [part]  # a folder for each slice, as on many CDs
    copies = {
        one
        for one, other in permutations(keys, 2)
        if keys[one] and (keys[one] < keys[other] or (keys[one] == keys[other] and one > other))
    }
    rest = [header for folder, here in folders.items() if folder not in copies for header in here]
    return [rest, *(here for folder, here in folders.items() if folder in copies)]


def _size(header: Header) -> int:
    return header.path.stat().st_size


def _key(header: Header) -> tuple[object, ...]:
    return (
        header.series_uid,
        header.study_uid,
        header.patient_id,
        header.columns,
        header.rows,
        header.samples,
        header.photometric,
        header.is_localizer,
        header.is_mosaic,
    )


def _fits(a: Header, b: Header) -> bool:
    return _key(a) == _key(b) and _parallel(a, b)


def _parallel(a: Header, b: Header) -> bool:
    if a.plane is None or b.plane is None:
        return False
    return same_direction(a.plane, b.plane) and same_spacing(a.plane, b.plane)
