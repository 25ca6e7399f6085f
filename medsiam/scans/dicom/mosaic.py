"""Siemens mosaics: the slices of one volume as tiles of one picture, unpacked again.

How many slices there are, and which way they run, stands in private elements: the CSA header
(nipy.org/nibabel/dicom/siemens_csa.html) or, in some files, plain elements of group 0019. The
position in the header is that of the corner of the whole picture, as if it were one large slice
(nipy.org/nibabel/dicom/dicom_mosaic.html).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medsiam.scans.dicom.elements import numbers
from medsiam.scans.dicom.geometry import Plane, triple
from medsiam.scans.dicom.header import Header
from medsiam.scans.faults import fault

_MAX_TILES = 4096
_MAX_CSA_TAGS = 1000
_PARALLEL = 0.99  # cosine


@dataclass(frozen=True)
class Mosaic:
    """How a picture is divided.

    Attributes:
        per_side: tiles along each side.
        columns, rows: size of a tile.
        planes: of the slices, in the order of the tiles: row by row, left to right.
    """

    per_side: int
    columns: int
    rows: int
    planes: tuple[Plane, ...]


def mosaic_of(dataset: Dataset, header: Header) -> Mosaic:
    """Return how the tiles of a mosaic lie.

    Raises:
        ScanError: `unknown_mosaic` where the header does not say, `no_geometry`.
    """
    path = header.path
    n, normal = _slices(dataset)
    if n is None or not 1 <= n <= _MAX_TILES:
        raise fault("unknown_mosaic", path, "a Siemens mosaic that does not say how many slices")
    per_side = math.ceil(math.sqrt(n))
    columns, rows = header.columns // per_side, header.rows // per_side
    if columns * per_side != header.columns or rows * per_side != header.rows:
        size = f"{header.columns} x {header.rows}"
        raise fault("unknown_mosaic", path, f"{n} slices do not divide a mosaic of {size}")
    if header.plane is None:
        raise fault("no_geometry", path, "a Siemens mosaic without position")
    step = numbers(dataset, "SpacingBetweenSlices", 1) or numbers(dataset, "SliceThickness", 1)
    if step is None or step[0] <= 0:
        raise fault("no_geometry", path, "a Siemens mosaic without distance between slices")
    own = header.plane.normal
    along = own if normal is None else np.asarray(normal)
    if abs(own @ along) < _PARALLEL * np.linalg.norm(along):
        raise fault("unknown_mosaic", path, "a Siemens mosaic whose slices run aslant")
    first = _first_position(header.plane, header, columns, rows)
    step_vector = own * math.copysign(step[0], own @ along)
    planes = tuple(
        replace(header.plane, position=triple(first + k * step_vector)) for k in range(n)
    )
    return Mosaic(per_side, columns, rows, planes)


def _first_position(plane: Plane, header: Header, columns: int, rows: int) -> NDArray[np.float64]:
    """Move the corner of the whole picture to that of a tile with the same centre."""
    right = np.asarray(plane.x_direction) * plane.spacing[0]
    down = np.asarray(plane.y_direction) * plane.spacing[1]
    return (
        np.asarray(plane.position)
        + right * (header.columns - columns) / 2
        + down * (header.rows - rows) / 2
    )


def _slices(dataset: Dataset) -> tuple[int | None, Sequence[float] | None]:
    """Return the number of slices and the direction in which they follow each other."""
    csa = csa_values(_private(dataset, 0x0029, "SIEMENS CSA HEADER", 0x10))
    count = csa.get("NumberOfImagesInMosaic", [])
    normal = [float(v) for v in csa.get("SliceNormalVector", []) if _is_number(v)]
    n = int(count[0]) if count and count[0].isdigit() else None
    if n is None:
        plain = _private(dataset, 0x0019, "SIEMENS MR HEADER", 0x0A)
        n = struct.unpack("<H", plain)[0] if len(plain) == 2 else None
    return n, normal if len(normal) == 3 else None


def _private(dataset: Dataset, group: int, creator: str, offset: int) -> bytes:
    """Return the bytes of a private element, empty where there is none."""
    for block in range(0x10, 0x100):
        reserved = dataset.get((group, block))
        if reserved is None or str(reserved.value).strip() != creator:
            continue
        element = dataset.get_item((group, block << 8 | offset))
        value = None if element is None else element.value
        if isinstance(value, int):
            return struct.pack("<H", value)
        return bytes(value) if isinstance(value, bytes) else b""
    return b""


def csa_values(data: bytes) -> dict[str, list[str]]:
    """Return the values of each tag of a CSA header, as far as it can be read.

    Args:
        data: the element's bytes, CSA1 or CSA2 ("SV10").
    """
    found: dict[str, list[str]] = {}
    second = data[:4] == b"SV10"
    at = 8 if second else 0
    try:
        n_tags = struct.unpack_from("<I", data, at)[0]
        at += 8
        base = 0
        for number in range(min(n_tags, _MAX_CSA_TAGS)):
            name, _, _, _, n_items, _ = struct.unpack_from("<64si4s3i", data, at)
            at += 84
            if n_items < 0:
                return found
            base = n_items if number == 0 else base
            values = []
            for _ in range(n_items):
                lengths = struct.unpack_from("<4i", data, at)
                at += 16
                length = lengths[1] if second else lengths[0] - base
                if length < 0 or at + length > len(data):
                    return found
                values.append(data[at : at + length].split(b"\0")[0].decode("latin-1").strip())
                at += length + -length % 4
            found[name.split(b"\0")[0].decode("latin-1")] = [v for v in values if v]
    except struct.error:
        pass  # what was read up to here holds
    return found


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
