from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation

from medsiam.phantoms.dicom import series_uid, write_dicom
from medsiam.phantoms.phantom import Phantom, make_phantom

# Type 1 attributes (a value must be there) of DICOM PS3.3 A.3 and A.26, mandatory modules.
EVERYWHERE = (
    "StudyInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",
    "ImageType",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "RescaleIntercept",
    "RescaleSlope",
)
IN_CT = (
    "FrameOfReferenceUID",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "RescaleType",
    "PatientPosition",
)
IN_DX = (
    "PresentationIntentType",
    "ImageLaterality",
    "AnatomicRegionSequence",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "RescaleType",
    "PresentationLUTShape",
    "LossyImageCompression",
    "BurnedInAnnotation",
    "DetectorType",
    "ImagerPixelSpacing",
)
# Type 2: must be there, may be empty.
MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SeriesNumber",
    "Manufacturer",
    "InstanceNumber",
)


def phantom(dims: int, patient: str = "SYN-d", seed: int = 3, study: int = 0) -> Phantom:
    return make_phantom(
        "crescent", spatial_dims=dims, patient_id=patient, random_state=seed, study=study
    )


@pytest.fixture(scope="module")
def volume():
    return phantom(3)


@pytest.fixture(scope="module")
def series(volume, tmp_path_factory):
    folder = write_dicom(volume, tmp_path_factory.mktemp("dicom") / "series")
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def radiographs() -> dict[str, Phantom]:
    """One phantom of each photometric interpretation."""
    made = [phantom(2, patient=f"SYN-d{number}") for number in range(12)]
    return {one.photometric: one for one in made}


def test_slices_give_the_volume_in_hu_and_its_affine(volume, series):
    assert len(series) == volume.array.shape[2]
    slices = sorted(series, key=lambda ds: float(ds.ImagePositionPatient[2]))
    for z, ds in enumerate(slices):
        pixels = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        for x in (0, 11, 40):
            for y in (0, 17, 33):
                assert pixels[y, x] == volume.array[x, y, z]
                # DICOM PS3.3 C.7.6.2.1.1, then left-posterior to right-anterior
                across = np.array(ds.ImageOrientationPatient[:3], float) * float(ds.PixelSpacing[1])
                down = np.array(ds.ImageOrientationPatient[3:], float) * float(ds.PixelSpacing[0])
                lps = np.array(ds.ImagePositionPatient, float) + x * across + y * down
                ras = volume.affine @ (x, y, z, 1)
                np.testing.assert_allclose(lps * (-1, -1, 1), ras[:3], atol=1e-3)
        np.testing.assert_array_equal(pixels.T, volume.array[:, :, z])
        assert float(ds.SliceThickness) == volume.spacing[2]


def test_slices_belong_together(series):
    for name in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert len({getattr(ds, name) for ds in series}) == 1
    assert len({ds.SOPInstanceUID for ds in series}) == len(series)
    assert sorted(int(ds.InstanceNumber) for ds in series) == list(range(1, len(series) + 1))
    heights = [float(ds.ImagePositionPatient[2]) for ds in series]
    assert heights == sorted(heights, reverse=True)  # numbered from head to foot


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_radiograph_comes_back_large_means_bright(photometric, tmp_path):
    made = radiographs()[photometric]
    path = write_dicom(made, tmp_path / "film")
    ds = pydicom.dcmread(path)
    assert path.parent == tmp_path / "film"
    assert ds.PhotometricInterpretation == photometric
    assert (ds.BitsAllocated, ds.BitsStored) == (16, 16)
    bright = 65535 - ds.pixel_array.astype(int) if photometric == "MONOCHROME1" else ds.pixel_array
    np.testing.assert_array_equal(bright.T, made.array)
    np.testing.assert_allclose([float(s) for s in ds.PixelSpacing], made.spacing[::-1])
    assert "ImagePositionPatient" not in ds
    low = ds.WindowCenter - ds.WindowWidth / 2
    assert np.percentile(ds.pixel_array, 1) == pytest.approx(low, abs=2)


def test_the_standards_mandatory_attributes_are_there(series, tmp_path):
    film = pydicom.dcmread(write_dicom(phantom(2), tmp_path))
    assert film.SOPClassUID == DigitalXRayImageStorageForPresentation
    assert series[0].SOPClassUID == CTImageStorage
    for ds, own in ((film, IN_DX), (series[0], IN_CT)):
        for name in (*EVERYWHERE, *own):
            assert ds.get(name) not in (None, "", []), name
        for name in MAY_BE_EMPTY:
            assert name in ds, name
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        for element in ds.iterall():
            if element.VR == "UI":
                assert all(pydicom.uid.UID(uid).is_valid for uid in [element.value])
    assert "KVP" in series[0]  # type 2 of the CT image
    assert "AcquisitionContextSequence" in film  # type 2 of the radiograph


@pytest.mark.parametrize("dims", [2, 3])
def test_headers_say_synthetic_and_name_no_condition(dims, tmp_path):
    written = write_dicom(phantom(dims), tmp_path)
    for path in written.iterdir() if written.is_dir() else [written]:
        ds = pydicom.dcmread(path)
        assert str(ds.PatientName).startswith("SYNTHETIC^")
        assert ds.PatientID.startswith("SYN-")
        for name in ("InstitutionName", "SeriesDescription", "StudyDescription", "ImageComments"):
            assert "SYNTHETIC" in ds[name].value, name
        assert ds.Manufacturer == "medsiam phantoms"
        assert ds.QualityControlImage == "YES"
        assert b"crescent" not in path.read_bytes()


def test_the_same_phantom_gives_the_same_bytes_and_another_other_uids(tmp_path):
    first = write_dicom(phantom(2), tmp_path / "a").read_bytes()
    assert first == write_dicom(phantom(2), tmp_path / "b").read_bytes()
    others = [phantom(2, seed=4), phantom(2, patient="SYN-x"), phantom(2, study=1)]
    assert len({series_uid(made) for made in [phantom(2), *others]}) == 4


def test_a_later_study_is_dated_later(tmp_path):
    dates = [
        pydicom.dcmread(write_dicom(phantom(2, study=study), tmp_path / str(study))).StudyDate
        for study in (0, 1, 2)
    ]
    assert dates == sorted(set(dates))
