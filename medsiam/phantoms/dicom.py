"""Write a phantom as DICOM: a radiograph as one file, a CT volume as one series of slices.

Tags follow DICOM PS3.3 (A.26 Digital X-Ray Image IOD, A.3 CT Image IOD). Everything that a person
may see says SYNTHETIC, and nothing names the condition.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from medsiam.phantoms.phantom import MAX_BRIGHTNESS, Phantom

_FIRST_STUDY = dt.date(2026, 1, 5)
_DAYS_BETWEEN_STUDIES = 91
_RESCALE_INTERCEPT = -1024


def write_dicom(phantom: Phantom, folder: Path | str) -> Path:
    """Write `phantom` below `folder`, which is made where needed.

    UIDs, dates and numbers follow from the phantom alone, so that the same phantom gives the same
    bytes. CT slices are numbered from head to foot, as many scanners do.

    Returns:
        The file of a radiograph, or the folder of a CT series.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if phantom.spatial_dims == 2:
        path = folder / "IM0001.dcm"
        _save(_radiograph(phantom), path)
        return path
    for number in range(1, phantom.array.shape[2] + 1):
        _save(_ct_slice(phantom, number), folder / f"IM{number:04d}.dcm")
    return folder


def series_uid(phantom: Phantom) -> str:
    """SeriesInstanceUID that `write_dicom` gives."""
    return _uid(phantom, "series")


def _uid(phantom: Phantom, role: str) -> str:
    origin = (phantom.random_state, phantom.patient_id, phantom.spatial_dims, phantom.study)
    return generate_uid(
        entropy_srcs=["medsiam phantom", role, *map(str, origin), phantom.condition]
    )


def _save(dataset: Dataset, path: Path) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)


def _common(phantom: Phantom, number: int) -> Dataset:
    """Patient, study, series, equipment and SOP modules."""
    date = _FIRST_STUDY + dt.timedelta(days=_DAYS_BETWEEN_STUDIES * phantom.study)
    ds = Dataset()
    ds.PatientName = f"SYNTHETIC^{phantom.patient_id}"
    ds.PatientID = phantom.patient_id
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.PatientComments = "SYNTHETIC phantom, not a patient"
    ds.StudyInstanceUID = _uid(phantom, "study")
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = date.strftime("%Y%m%d")
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = "120000"
    ds.StudyID = f"SYN{phantom.study + 1}"
    ds.StudyDescription = "SYNTHETIC study"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.Modality = phantom.modality
    ds.SeriesInstanceUID = series_uid(phantom)
    ds.SeriesNumber = 1
    ds.Manufacturer = "medsiam phantoms"
    ds.ManufacturerModelName = "SYNTHETIC phantom generator"
    ds.InstitutionName = "SYNTHETIC (medsiam phantoms)"
    ds.SOPInstanceUID = _uid(phantom, f"image {number}")
    ds.InstanceNumber = number
    ds.AcquisitionNumber = 1
    ds.ImageComments = "SYNTHETIC phantom, not a patient; not for diagnosis"
    ds.QualityControlImage = "YES"
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    return ds


def _set_pixels(ds: Dataset, pixels: NDArray[np.uint16], *, bits: int, photometric: str) -> None:
    """Image Pixel module; `pixels` is (x, y), files store rows first."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = photometric
    ds.Columns, ds.Rows = pixels.shape
    ds.BitsAllocated = 16
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 0
    ds.PixelData = np.ascontiguousarray(pixels.T).astype("<u2").tobytes()


def _radiograph(phantom: Phantom) -> Dataset:
    ds = _common(phantom, 1)
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SeriesDescription = "SYNTHETIC radiograph"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.DerivationDescription = "SYNTHETIC: computed, not acquired"
    ds.BodyPartExamined = "CHEST"
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Chest")])
    ds.ViewPosition = "AP"
    ds.PatientOrientation = ["L", "F"]
    ds.DetectorType = "DIRECT"
    ds.AcquisitionContextSequence = Sequence([])
    columns_then_rows = phantom.spacing
    ds.PixelSpacing = ds.ImagerPixelSpacing = [columns_then_rows[1], columns_then_rows[0]]
    ds.PixelIntensityRelationship = "LOG"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    stored, inverted = phantom.array, phantom.photometric == "MONOCHROME1"
    if inverted:
        stored = MAX_BRIGHTNESS - stored
    ds.PixelIntensityRelationshipSign = 1 if inverted else -1
    ds.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    low, high = np.percentile(stored, [1, 99])
    ds.WindowCenter, ds.WindowWidth = round((low + high) / 2), round(high - low)
    _set_pixels(ds, stored.astype(np.uint16), bits=16, photometric=phantom.photometric)
    return ds


def _ct_slice(phantom: Phantom, number: int) -> Dataset:
    """Slice `number`, counted from 1 at the head."""
    if phantom.affine is None:
        raise ValueError("a CT phantom needs an affine")
    z = phantom.array.shape[2] - number
    # The affine is RAS+; DICOM counts x to the left and y to the back.
    position = (phantom.affine @ (0, 0, z, 1))[:3] * (-1, -1, 1)
    dx, dy, dz = phantom.spacing
    ds = _common(phantom, number)
    ds.SOPClassUID = CTImageStorage
    ds.SeriesDescription = "SYNTHETIC CT volume"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.BodyPartExamined = "ABDOMEN"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = _uid(phantom, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.ImagePositionPatient = [round(float(x), 4) for x in position]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [dy, dx]
    ds.SliceThickness = dz
    ds.SpacingBetweenSlices = dz
    ds.SliceLocation = round(float(position[2]), 4)
    ds.KVP = ""
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = _RESCALE_INTERCEPT, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = 50, 900
    stored = (phantom.array[:, :, z] - _RESCALE_INTERCEPT).astype(np.uint16)
    _set_pixels(ds, stored, bits=12, photometric="MONOCHROME2")
    return ds


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
