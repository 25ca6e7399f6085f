"""DICOM and NIfTI files that the tests write, with pydicom and nibabel alone."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom.data
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

from medsiam.scans.dicom.head import Head

# What pydicom ships lies here; its own look-up would download the rest.
SHIPPED = Path(pydicom.data.__file__).parent

SECRET = "Planted^Name"
SECRET_ID = "planted-4711"
SERIES = "1.2.826.0.1.3680043.8.498.1"


def dataset(
    stored: np.ndarray,
    *,
    position=(0.0, 0.0, 0.0),
    orientation=(1, 0, 0, 0, 1, 0),
    spacing=(1.0, 1.0),
    series: str | None = SERIES,
    sop_class: str = CTImageStorage,
    **elements,
) -> FileDataset:
    """One slice with `stored` (rows, columns) integers; `spacing` is between rows, columns."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    ds.Modality = "CT"
    ds.PatientName, ds.PatientID = SECRET, SECRET_ID
    ds.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.2"
    if series:
        ds.SeriesInstanceUID = series
    if position is not None:
        ds.ImagePositionPatient = [float(v) for v in position]
        ds.ImageOrientationPatient = [float(v) for v in orientation]
    if spacing is not None:
        ds.PixelSpacing = [float(v) for v in spacing]
    colour = elements.get("SamplesPerPixel") == 3
    ds.Rows, ds.Columns = stored.shape[:2] if colour else stored.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * stored.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    ds.PixelData = stored.tobytes()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def head_of(ds: FileDataset) -> Head:
    """What the header pass makes of a data set, without a file."""
    return Head(ds, ds.file_meta, ds.file_meta.TransferSyntaxUID, has_pixels=True)


def write(path: Path, stored: np.ndarray, **how) -> Path:
    """Write one slice, as `dataset` makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset(stored, **how).save_as(path, enforce_file_format=True)
    return path


def write_stack(folder: Path, volume: np.ndarray, *, step=2.0, **how) -> list[Path]:
    """Write (slices, rows, columns) as an axial series, slice k at z = k * step mm."""
    return [
        write(folder / f"{k}.dcm", stored, **{"position": (0, 0, k * step), **how})
        for k, stored in enumerate(volume)
    ]


def enhanced(frames: np.ndarray, positions, **elements) -> FileDataset:
    """A multi-frame object, (frames, rows, columns), with its geometry in functional groups."""
    ds = dataset(
        frames,
        position=None,
        spacing=None,
        sop_class=EnhancedCTImageStorage,
        NumberOfFrames=len(frames),
    )
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.25], 3.0
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for position in positions:
        group, plane = Dataset(), Dataset()
        plane.ImagePositionPatient = list(position)
        group.PlanePositionSequence = [plane]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def meta(syntax: str) -> bytes:
    """The bytes of a DICOM file up to its data set."""
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    return b"\0" * 128 + b"DICM" + b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value


def element(group: int, number: int, vr: bytes, value: bytes, order="little") -> bytes:
    """The bytes of one element with explicit VR."""
    tag = group.to_bytes(2, order) + number.to_bytes(2, order)
    return tag + vr + len(value).to_bytes(2, order) + value


def write_nifti(path: Path, voxels: np.ndarray, affine=None, *, code: int = 1) -> Path:
    """Write a NIfTI file with the same affine as sform and qform, or with none."""
    image = nib.Nifti1Image(voxels, affine)
    if affine is not None:
        image.set_sform(affine, code)
        image.set_qform(affine, 1)
    nib.save(image, path)
    return path


def letter_f() -> np.ndarray:
    """(x, y, z) values that are like none of their mirror images or permutations."""
    volume = np.zeros((5, 7, 4), np.int16)
    volume[1, 1:6, :] = 100
    volume[1:4, 1, :] = 100
    volume[1:3, 3, :] = 100
    return volume + np.arange(4, dtype=np.int16) * 10 + np.int16(1)
