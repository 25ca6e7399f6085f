"""A small real bank of each form, and a folder with studies and things that are none."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from streamlit.testing.v1 import AppTest

from medsiam import ReferenceBank, Scan
from medsiam.encoders import Architecture, new_encoder
from medsiam.preprocessing import Recipe

APP = Path(__file__).parents[2] / "app"
sys.path.insert(0, str(APP))  # as `streamlit run` does

PATIENT_NAME, PATIENT_ID = "PLANTED^NAME", "PLANTED-4711"
STRIPES = {"along": (0.6, 0.0), "across": (0.0, 0.6), "slanted": (0.45, 0.45)}


def drawing(condition: str, seed: int, size: int = 32) -> np.ndarray:
    """An image, (x, y), 0 ... 200, whose stripes tell its condition."""
    rng = np.random.default_rng(seed)
    x, y = np.mgrid[:size, :size]
    along, across = STRIPES[condition]
    waves = np.sin(along * x + across * y + rng.uniform(0, 6))
    return (100 + 80 * waves + rng.normal(0, 5, (size, size))).clip(0, 200).astype(np.float32)


def volume(condition: str, seed: int, depth: int = 6) -> np.ndarray:
    return np.stack([drawing(condition, seed + 100 * z, 16) for z in range(depth)], axis=-1)


def scan_2d(condition: str, seed: int, **facts) -> Scan:
    return Scan(drawing(condition, seed), 2, spacing=(0.5, 0.5), modality="CR", **facts)


def scan_3d(condition: str, seed: int, **facts) -> Scan:
    affine = np.diag([-2.0, -2.0, 4.0, 1.0])  # LPS, as DICOM
    return Scan(
        volume(condition, seed), 3, affine=affine, spacing=(2.0, 2.0, 4.0), modality="MR", **facts
    )


def encoder(spatial_dims: int):
    architecture = Architecture(
        spatial_dims=spatial_dims, backbone="resnet10", width=0.25, embedding_dim=16
    )
    size = (32, 32) if spatial_dims == 2 else (16, 16, 8)
    recipe = Recipe(spatial_dims=spatial_dims, spatial_size=size)
    return new_encoder(architecture, recipe, name=f"tiny {spatial_dims}D", licence="test only")


def fill(bank: ReferenceBank, make, phases=("",)) -> ReferenceBank:
    for number, condition in enumerate(STRIPES):
        for patient in range(4):
            seed = 10 * number + patient
            bank.add(
                [make(condition, seed + 1000 * i) for i in range(len(phases))],
                case_id=f"{condition}-{patient}",
                condition=condition,
                patient_id=f"SECRET-{condition}-{patient}",
                proof="histology",
                licence="CC0",
                source="drawn for tests",
                phases=phases,
            )
    return bank


@pytest.fixture(scope="session")
def bank_2d(tmp_path_factory) -> ReferenceBank:
    path = tmp_path_factory.mktemp("banks") / "stripes"
    return fill(ReferenceBank.create(path, encoder(2)), scan_2d)


@pytest.fixture(scope="session")
def bank_3d(tmp_path_factory) -> ReferenceBank:
    path = tmp_path_factory.mktemp("banks") / "volumes"
    return fill(ReferenceBank.create(path, encoder(3)), scan_3d)


@pytest.fixture(scope="session")
def bank_of_two_phases(tmp_path_factory) -> ReferenceBank:
    path = tmp_path_factory.mktemp("banks") / "phases"
    return fill(ReferenceBank.create(path, encoder(2)), scan_2d, phases=("early", "late"))


@pytest.fixture(scope="session")
def studies(tmp_path_factory) -> Path:
    """Two images, one of them through a link from outside, a volume, and a text file."""
    folder = tmp_path_factory.mktemp("shared") / "studies"
    (folder / "monday").mkdir(parents=True)
    png(folder / "monday" / "first.png", "across", 77)
    png(folder.parent / "elsewhere.png", "along", 78)
    (folder / "link.png").symlink_to(folder.parent / "elsewhere.png")
    nibabel.save(
        nibabel.Nifti1Image(volume("along", 79), np.diag([2.0, 2.0, 4.0, 1.0])),
        folder / "monday" / "volume.nii.gz",
    )
    (folder / "letter.txt").write_text("no scan at all")
    return folder


def png(path: Path, condition: str, seed: int) -> Path:
    Image.fromarray(drawing(condition, seed).T.astype(np.uint8)).save(path)
    return path


def dicom_series(folder: Path, condition: str, seed: int) -> list[Path]:
    """A series of six slices whose header names a patient, as files named after him."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = volume(condition, seed)
    study_uid, series_uid = generate_uid(), generate_uid()
    paths = []
    for z in range(slices.shape[2]):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        data = Dataset()
        data.file_meta = meta
        data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID = study_uid, series_uid
        data.PatientName, data.PatientID = PATIENT_NAME, PATIENT_ID
        data.Modality, data.InstanceNumber = "MR", z + 1
        data.PixelSpacing, data.SliceThickness = [2, 2], 4
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [0, 0, 4 * z]
        data.Rows, data.Columns = slices.shape[1], slices.shape[0]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
        data.PixelRepresentation = 0
        data.PixelData = slices[:, :, z].T.astype("<u2").tobytes()
        paths.append(folder / f"{PATIENT_NAME} {z:02d}.dcm")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def start(monkeypatch):
    """Start the app, or one function of it, on a bank: start(bank, studies=..., script=...)."""

    def run(bank: ReferenceBank, studies: Path | None = None, script=None) -> AppTest:
        monkeypatch.setenv("MEDSIAM_TRACEBACK", "1")
        monkeypatch.setenv("MEDSIAM_REVIEW_BANK", str(bank.path))
        if studies is None:
            monkeypatch.delenv("MEDSIAM_REVIEW_STUDIES", raising=False)
        else:
            monkeypatch.setenv("MEDSIAM_REVIEW_STUDIES", str(studies))
        if script is None:
            app = AppTest.from_file(str(APP / "streamlit_app.py"), default_timeout=60)
        else:
            app = AppTest.from_function(script, default_timeout=60)
        return app.run()

    return run


def text_of(app: AppTest) -> str:
    """Everything the page says, without what only a picture or a data table says."""
    kinds = ("html", "markdown", "caption", "error", "info", "warning", "subheader")
    said = [str(getattr(one, "value", "") or "") for kind in kinds for one in app.get(kind)]
    said += [option for radio in app.radio for option in radio.options]
    return "\n".join(said)
