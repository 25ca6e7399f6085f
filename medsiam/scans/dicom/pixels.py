"""Pixel data of a DICOM data set -> values with a meaning, float32, axes (x, y).

Order of the steps (PS3.3 C.11.1, C.7.6.3): decode, modality LUT or rescale, inversion. The window
(VOI) is carried along and not applied.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import ne
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import get_expected_length, iter_pixels
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from medsiam.scans.dicom.codestream import check_stream, is_codestream, plain_stream
from medsiam.scans.dicom.elements import numbers, words
from medsiam.scans.dicom.header import Header
from medsiam.scans.dicom.native import native_frames
from medsiam.scans.dicom.padding import without_padding
from medsiam.scans.dicom.voi import PLAIN, Voi, voi_of
from medsiam.scans.faults import fault
from medsiam.scans.limits import MAX_PICTURE_RATIO

_END_OF_IMAGE = b"\xff\xd9"  # closes every JPEG, JPEG-LS and JPEG 2000 stream
_PADDING = 32  # bytes that may follow it
_MUCH = 64 << 20  # bytes
_SURPLUS = 2  # how much longer than its pixels a compressed stream may be
_MOST_OVERHEAD = 1 << 20  # bytes of tables, comments and profiles of a frame
# On damaged streams GDCM ends its process where these raise an error.
_STURDY = (
    (JPEG2000TransferSyntaxes, "pylibjpeg"),
    (JPEGLSTransferSyntaxes, "pyjpegls"),
    ((JPEGBaseline8Bit,), "pillow"),
)


@dataclass(frozen=True)
class Window:
    """A window for display, in units of the values; `name` as in WindowCenterWidthExplanation."""

    name: str
    center: float
    width: float


@dataclass(frozen=True)
class Picture:
    """One frame.

    Attributes:
        array: float32, (x, y) after rescale and as bright as stored, or (x, y, 3) colour from 0
            to 255 whatever the number of bits.
        windows: those of the header, the first one first.
        pivot: for MONOCHROME1 the sum of the lowest and the highest value that the stored bits
            can express, after rescale; None for every other photometric interpretation.
        padding: number of values that were padding.
        voi: how the windows are meant.
    """

    array: NDArray[np.float32]
    windows: tuple[Window, ...]
    pivot: float | None
    padding: int = 0
    voi: Voi = PLAIN

    def without_array(self) -> Picture:
        """Return the same facts, so that a stack need not hold the values twice."""
        return replace(self, array=np.empty((0, 0), np.float32))


def inverted(
    array: NDArray[np.float32], windows: Sequence[Window], pivot: float
) -> tuple[NDArray[np.float32], tuple[Window, ...]]:
    """Turn MONOCHROME1 round, so that a large value is bright: v becomes `pivot` - v.

    With the pivot of `Picture` the range of possible values is mapped onto itself, whatever the
    content of the picture, and the windows turn with it.
    """
    turned = np.float32(pivot) - array
    return turned, tuple(replace(one, center=pivot - one.center) for one in windows)


def pictures(
    dataset: Dataset, header: Header, frames: Sequence[int] | None = None
) -> Iterator[Picture]:
    """Yield frames of a data set, decoded.

    Args:
        dataset: with its pixel data.
        header: of the same file.
        frames: which, from 0; None: all.

    Raises:
        ScanError: `unsupported_transfer_syntax`, `truncated_pixels`, `damaged_pixels`,
            `unsupported_pixels`, `damaged_dicom`.
    """
    wanted = range(header.frames) if frames is None else frames
    for index, stored in zip(wanted, _stored_frames(dataset, header, wanted), strict=True):
        groups = _groups(dataset, index)
        if header.photometric == "PALETTE COLOR":
            yield Picture(_xy(_from_palette(stored, dataset, header.path)), (), None)
        elif stored.ndim == 3:
            yield Picture(_xy(_to_255(stored, int(dataset.BitsStored))), (), None)
        else:
            values, extremes = _modality(stored, dataset, groups, header.path)
            is_negative = header.photometric == "MONOCHROME1"
            values, padding = without_padding(values, stored, dataset, is_negative=is_negative)
            pivot = sum(extremes) if is_negative else None
            yield Picture(_xy(values), _windows(groups), pivot, padding, voi_of(groups))


def _xy(frame: NDArray[Any]) -> NDArray[np.float32]:
    """Turn (rows, columns) into (x, y) = (columns, rows)."""
    return np.asarray(frame, dtype=np.float32).swapaxes(0, 1)


def _from_palette(stored: NDArray[Any], dataset: Dataset, path: Path) -> NDArray[Any]:
    try:
        colour = apply_color_lut(stored, dataset)[..., :3]
    except Exception:
        raise fault("damaged_dicom", path, "its palette makes no sense") from None
    return _to_255(colour, 8 * colour.itemsize)


def _to_255(colour: NDArray[Any], bits: int) -> NDArray[Any]:
    return colour if bits == 8 else colour * (255.0 / (2**bits - 1))


def _stored_frames(
    dataset: Dataset, header: Header, wanted: Sequence[int]
) -> Iterator[NDArray[Any]]:
    """Yield stored values, (rows, columns) or (rows, columns, 3); YBR is turned into RGB."""
    plain = native_frames(dataset, header, wanted)
    if plain is not None:
        yield from plain
        return
    _check_transfer_syntax(dataset, header.path)
    _check_bits(dataset, header.path)
    _check_complete(dataset, header)
    shape = (header.rows, header.columns)
    seen = 0
    try:
        # Without indices pydicom 3.0 hands read-only frames to its own sign correction.
        for frame in iter_pixels(dataset, indices=wanted, decoding_plugin=_plugin(dataset)):
            if frame.shape not in (shape, (*shape, 3)):
                break
            seen += 1
            yield frame
    except Exception as error:  # decoders raise anything; their texts help nobody
        what = f"the pixel data cannot be decoded ({type(error).__name__})"
        raise fault("damaged_pixels", header.path, what) from None
    if seen != len(wanted):
        what = f"{seen} of {len(wanted)} frames of {shape[1]} x {shape[0]} pixels can be decoded"
        raise fault("damaged_pixels", header.path, what)


def _plugin(dataset: Dataset) -> str:
    """Return the decoder to take where there are several; empty: pydicom's choice."""
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    wanted = next((name for names, name in _STURDY if syntax in names), "")
    return wanted if wanted in get_decoder(syntax).available_plugins else ""


def _check_transfer_syntax(dataset: Dataset, path: Path) -> None:
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    # The decoders at hand read JPEG Extended with 8 bits only.
    if syntax == JPEGExtended12Bit and numbers(dataset, "BitsStored", 1) != (8.0,):
        available = False
    if not available:
        raise fault("unsupported_transfer_syntax", path, f"compressed as {syntax.name}")


def _check_bits(dataset: Dataset, path: Path) -> None:
    """Refuse stored bits that lie high: decoders take them for low ones, each in its own way."""
    stored, high = numbers(dataset, "BitsStored", 1), numbers(dataset, "HighBit", 1)
    if stored and high and high[0] != stored[0] - 1:
        what = f"{stored[0]:.0f} bits stored with high bit {high[0]:.0f}"
        raise fault("unsupported_pixels", path, what)


def _check_complete(dataset: Dataset, header: Header) -> None:
    """Refuse pixel data that end early, before a decoder fills up what is missing."""
    syntax: UID = dataset.file_meta.TransferSyntaxUID
    if "PixelData" not in dataset:
        return  # float pixel data: the decoder checks the length
    data = dataset.PixelData or b""
    if not syntax.is_encapsulated:
        try:
            expected = get_expected_length(dataset)
        except Exception:
            raise fault("damaged_dicom", header.path, "its pixel format is incomplete") from None
        if len(data) < expected:
            what = f"{len(data)} of {expected} bytes of pixel data are there"
            raise fault("truncated_pixels", header.path, what)
        return
    try:
        frames = list(generate_frames(data, number_of_frames=header.frames))
    except Exception:
        what = "the fragments of the compressed pixel data are incomplete"
        raise fault("truncated_pixels", header.path, what) from None
    complete = syntax == RLELossless or all(_END_OF_IMAGE in f[-_PADDING:] for f in frames)
    if len(frames) < header.frames or not complete:
        what = "the compressed pixel data end early"
        raise fault("truncated_pixels", header.path, what)
    _check_ratio(dataset, header, sum(map(len, frames)))
    if syntax == RLELossless:
        return
    plain = [plain_stream(frame) for frame in frames]
    if syntax in JPEG2000TransferSyntaxes and not all(map(is_codestream, plain)):
        raise fault("damaged_pixels", header.path, "what should be JPEG 2000 is something else")
    for frame in plain:
        check_stream(frame, header.columns, header.rows, header.path)
    if any(map(ne, map(len, plain), map(len, frames))):
        dataset.PixelData = encapsulate(plain)


def _check_ratio(dataset: Dataset, header: Header, encoded: int) -> None:
    """Refuse a few bytes that decode to very many, and many that decode to few."""
    allocated = numbers(dataset, "BitsAllocated", 1) or (16.0,)
    pixels = header.rows * header.columns * header.samples * header.frames
    decoded = pixels * max(1, int(allocated[0]) // 8)
    if decoded > _MUCH and decoded > MAX_PICTURE_RATIO * encoded:
        what = f"{encoded} bytes of compressed pixel data that decode to {decoded >> 20} MB"
        raise fault("expands_too_much", header.path, what)
    if encoded > _SURPLUS * decoded + _MOST_OVERHEAD * header.frames:
        what = f"{encoded} bytes of compressed pixel data for {decoded} bytes of pixels"
        raise fault("damaged_pixels", header.path, what)


def _groups(dataset: Dataset, index: int) -> list[Dataset]:
    """Return the data sets in which a value of frame `index` may stand, most specific first."""
    found = []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if index < len(per_frame):
        found.append(per_frame[index])
    found.extend((dataset.get("SharedFunctionalGroupsSequence") or [])[:1])
    items: list[Dataset] = []
    for group in found:
        for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
            items.extend((group.get(name) or [])[:1])
    return [*items, dataset]


def _modality(
    stored: NDArray[Any], dataset: Dataset, groups: list[Dataset], path: Path
) -> tuple[NDArray[Any], tuple[float, float]]:
    """Return values in the modality's units, and the lowest and highest possible of them."""
    if len(dataset.get("ModalityLUTSequence") or []):
        bits = int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])
        return apply_modality_lut(stored, dataset), (0.0, float(2**bits - 1))
    slope, intercept = _rescale(groups, path)
    if np.issubdtype(stored.dtype, np.floating):
        extremes = float(stored.min()), float(stored.max())
    else:
        bits = int(dataset.BitsStored)
        low = -(2 ** (bits - 1)) if dataset.PixelRepresentation == 1 else 0
        extremes = float(low), float(low + 2**bits - 1)
    ends = sorted(slope * end + intercept for end in extremes)
    if (slope, intercept) == (1.0, 0.0):
        return stored, (ends[0], ends[1])
    return stored * np.float64(slope) + np.float64(intercept), (ends[0], ends[1])


def _rescale(groups: list[Dataset], path: Path) -> tuple[float, float]:
    """Return (slope, intercept); an absent or empty element is 1 or 0."""
    slope, intercept = 1.0, 0.0
    for group in groups:
        if "RescaleSlope" not in group and "RescaleIntercept" not in group:
            continue
        slope = _number_or(group, "RescaleSlope", 1.0, path)
        intercept = _number_or(group, "RescaleIntercept", 0.0, path)
        break
    if slope == 0:
        raise fault("damaged_dicom", path, "RescaleSlope is 0")
    return slope, intercept


def _number_or(group: Dataset, keyword: str, absent: float, path: Path) -> float:
    if keyword not in group or group[keyword].is_empty:
        return absent
    values = numbers(group, keyword, 1)
    if values is None:
        raise fault("damaged_dicom", path, f"{keyword} is no number")
    return values[0]


def _windows(groups: list[Dataset]) -> tuple[Window, ...]:
    """Return the usable windows of the most specific group that has one."""
    for group in groups:
        centers, widths = numbers(group, "WindowCenter"), numbers(group, "WindowWidth")
        names = words(group, "WindowCenterWidthExplanation")
        found = tuple(
            Window(name, center, width)
            for name, center, width in itertools.zip_longest(
                names, centers or (), widths or (), fillvalue=""
            )
            if isinstance(center, float) and isinstance(width, float) and width > 0
        )
        if found:
            return found
    return ()
