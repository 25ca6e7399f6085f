"""Series that are easily read wrong, written with pydicom alone, for `reading.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

Point = tuple[NDArray[np.float64], float]
_UID = "1.2.826.0.1.3680043.8.498.77"
_VOLUME = np.random.default_rng(7).integers(0, 3000, (8, 20, 24), dtype=np.int16)


def slice_file(path: Path, stored: NDArray[Any], z: float, number: int, **elements: Any) -> Path:
    """Write one axial CT slice at height z."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    ds.Modality, ds.PatientID = "CT", "synthetic"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{_UID}.1", f"{_UID}.2"
    ds.InstanceNumber = number
    ds.ImagePositionPatient = [-50.0, -60.0, z]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [0.9, 0.8], 2.5
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * stored.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    ds.PixelData = stored.tobytes()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_ct(folder: Path) -> Path:
    """Write 200 slices of 512 x 512, as a plain CT has them."""
    chance = np.random.default_rng(3)
    for k in range(200):
        stored = chance.integers(0, 3000, (512, 512), dtype=np.int16)
        slice_file(folder / f"{k:03d}.dcm", stored, 2.5 * k, k + 1)
    return folder


def _stack(folder: Path, heights: list[float], **elements: Any) -> Path:
    for k, z in enumerate(heights):
        slice_file(folder / f"{k}.dcm", _VOLUME[k], z, k + 1, **elements)
    return folder


_EVEN = [2.5 * k for k in range(8)]


def _plain(folder: Path) -> Path:
    return _stack(folder, _EVEN)


def _missing(folder: Path) -> Path:
    _stack(folder, _EVEN)
    (folder / "3.dcm").unlink()
    return folder


def _uneven(folder: Path) -> Path:
    return _stack(folder, [0, 2.5, 5, 7.5, 11, 13.5, 16, 20])


def _duplicated(folder: Path) -> Path:
    _stack(folder, _EVEN)
    for k in (2, 5):
        (folder / f"copy{k}.dcm").write_bytes((folder / f"{k}.dcm").read_bytes())
    return folder


def _numbered_backwards(folder: Path) -> Path:
    for k, z in enumerate(_EVEN):
        slice_file(folder / f"{k}.dcm", _VOLUME[k], z, 8 - k)
    return folder


def _numbered_at_random(folder: Path) -> Path:
    for k, z in enumerate(_EVEN):
        slice_file(folder / f"{k}.dcm", _VOLUME[k], z, (5 * k) % 8)
    return folder


def _tilted(folder: Path) -> Path:
    for k, z in enumerate(_EVEN):
        where = [-50.0, -60.0 + 0.8 * k, z]
        slice_file(folder / f"{k}.dcm", _VOLUME[k], z, k + 1, ImagePositionPatient=where)
    return folder


def _two_series(folder: Path) -> Path:
    _stack(folder / "a", _EVEN)
    for k, z in enumerate(_EVEN):
        where = [-50.0, -60.0, 100 + z]
        other = {"SeriesInstanceUID": f"{_UID}.3", "ImagePositionPatient": where}
        slice_file(folder / f"b{k}.dcm", _VOLUME[k] // 2, z, k + 1, **other)
    for k in range(8):
        (folder / "a" / f"{k}.dcm").rename(folder / f"a{k}.dcm")
    return folder


def _mixed_matrix(folder: Path) -> Path:
    _stack(folder, _EVEN[:5])
    for k in range(3):
        slice_file(folder / f"small{k}.dcm", _VOLUME[k, :12], 40 + 2.5 * k, 6 + k)
    return folder


def _with_localizer(folder: Path) -> Path:
    _stack(folder, _EVEN)
    overview = {
        "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
        "ImagePositionPatient": [-50, 0, 60],
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
    }
    slice_file(folder / "overview", _VOLUME[0], 0, 0, **overview)
    return folder


def _time_points(folder: Path) -> Path:
    for t in range(2):
        for k, z in enumerate(_EVEN[:4]):
            number = {"TemporalPositionIdentifier": t + 1}
            name = folder / f"{t}{k}.dcm"
            slice_file(name, _VOLUME[4 * t + k], z, 4 * t + k + 1, **number)
    return folder


def _cut_short(folder: Path) -> Path:
    """One slice ends early; its points are not asked for."""
    _stack(folder, _EVEN)
    whole = (folder / "4.dcm").read_bytes()
    (folder / "4.dcm").unlink()
    (folder / "4.bin").write_bytes(whole[:-300])
    return folder


def _sampled(build: Callable[[Path], Path]) -> Callable[[Path], tuple[Path, list[Point]]]:
    return lambda folder: (build(folder), [])


CASES: dict[str, Callable[[Path], tuple[Path, list[Point]]]] = {
    "a plain series": _sampled(_plain),
    "a slice is missing": _sampled(_missing),
    "slices at uneven distances": _sampled(_uneven),
    "two slices are there twice": _sampled(_duplicated),
    "InstanceNumber runs backwards": _sampled(_numbered_backwards),
    "InstanceNumber at random": _sampled(_numbered_at_random),
    "a tilted gantry": _sampled(_tilted),
    "two series in a folder": _sampled(_two_series),
    "slices of two sizes in a series": _sampled(_mixed_matrix),
    "an overview picture in the series": _sampled(_with_localizer),
    "two time points (4D)": _sampled(_time_points),
    "a slice is cut short": _sampled(_cut_short),
}

Judged = tuple[Path, Callable[[tuple[NDArray[Any], NDArray[Any] | None]], bool]]


def _monochrome1(folder: Path) -> Judged:
    """A bright object on black, stored with small = bright."""
    shown = np.full((16, 16), 100, np.uint16)
    shown[4:8, 4:8] = 900
    bright = {"PhotometricInterpretation": "MONOCHROME1"}
    path = slice_file(folder / "a.dcm", np.uint16(1000) - shown, 0, 1, **bright)
    return path, lambda volume: bool(volume[0].squeeze()[5, 5] > volume[0].squeeze()[12, 12])


def _without_position(folder: Path) -> Judged:
    """No position, no direction, no spacing: nothing may be said of its place."""
    path = slice_file(folder / "a.dcm", _VOLUME[0], 0, 1)
    ds = pydicom.dcmread(path)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(ds, keyword)
    ds.save_as(path)
    return path, lambda volume: volume[1] is None


def _colour(folder: Path) -> Judged:
    """An 8-bit colour picture, red on the left half of the screen."""
    pixels = np.zeros((10, 12, 3), np.uint8)
    pixels[:, :6, 0] = 200
    elements = {
        "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0,
        "Rows": 10, "Columns": 12, "RescaleSlope": 1, "RescaleIntercept": 0,
    }  # fmt: skip
    path = slice_file(folder / "a.dcm", pixels, 0, 1, **elements)
    expected = np.swapaxes(pixels, 0, 1)

    def is_right(volume: tuple[NDArray[Any], NDArray[Any] | None]) -> bool:
        array = volume[0].squeeze()
        return array.shape == expected.shape and bool((array == expected).all())

    return path, is_right


def _palette(folder: Path) -> Judged:
    """A palette that turns index 1 into pure red."""
    indices = np.zeros((6, 6), np.uint8)
    indices[2, 3] = 1
    palette: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, entries in (("Red", [0, 65535]), ("Green", [0, 0]), ("Blue", [0, 0])):
        palette[f"{colour}PaletteColorLookupTableDescriptor"] = [2, 0, 16]
        palette[f"{colour}PaletteColorLookupTableData"] = np.uint16(entries).tobytes()
    path = slice_file(folder / "a.dcm", indices, 0, 1, **palette)

    def is_right(volume: tuple[NDArray[Any], NDArray[Any] | None]) -> bool:
        array = volume[0].squeeze()
        if array.shape != (6, 6, 3):
            return False
        red, green, blue = array[3, 2]
        return bool(red > 200 and green == 0 and blue == 0)

    return path, is_right


PICTURES: dict[str, Callable[[Path], Judged]] = {
    "MONOCHROME1": _monochrome1,
    "no geometry": _without_position,
    "colour": _colour,
    "palette": _palette,
}
