"""One file or folder for each fault, written with pydicom, nibabel, Pillow and NumPy alone.

Every DICOM file among them plants a patient name and ID that no message may quote.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image
from pydicom.uid import (
    MPEG4HP41,
    JPEG2000Lossless,
    MediaStorageDirectoryStorage,
    RLELossless,
    SegmentationStorage,
)

from medsiam.errors import ScanError
from medsiam.scans import Scan, index_folder, read_scan
from tests.scans import hostile_dicom as hostile
from tests.scans.fixture import Fixture, Fixtures
from tests.scans.written import SERIES, dataset, enhanced, write, write_nifti, write_stack

VOLUME = np.arange(5 * 6 * 8, dtype=np.int16).reshape(5, 6, 8)
OTHER = VOLUME[::-1].copy()


FAULTY = Fixtures()
faulty = FAULTY.add


def holds(
    code: str,
    name: str,
    content: Callable[[], bytes],
    *,
    suffix: str = ".dcm",
    read: Callable[[Path], Scan] = read_scan,
) -> None:
    """Add a fixture of one file."""

    def build(folder: Path) -> Path:
        path = folder / f"case{suffix}"
        path.write_bytes(content())
        return path

    FAULTY.append(Fixture(code, name, build, read))


def read_skipped(folder: Path) -> Scan:
    """Ask the index why the one file of a folder is skipped, and raise that."""
    (skipped,) = index_folder(folder).skipped
    raise ScanError(skipped.code, f"{skipped.path}: {skipped.reason}")


# --- the file itself


@faulty("missing_file", "a path that is not there")
def _(folder):
    return folder / "nothing.dcm"


@faulty("not_a_file", "a named pipe")
def _(folder):
    os.mkfifo(folder / "pipe.dcm")
    return folder / "pipe.dcm"


HTML = b"<!DOCTYPE html><html><body>504 Gateway Time-out</body></html>" * 20
holds("empty_file", "no bytes", lambda: b"")
holds("unknown_format", "an error page saved as .dcm", lambda: HTML)
holds("unknown_format", "random bytes", lambda: np.random.default_rng(1).bytes(5000))


@faulty("unreadable", "a link that leads to itself", read=read_skipped)
def _(folder):
    (folder / "loop.dcm").symlink_to("loop.dcm")
    return folder


def report() -> bytes:
    ds = dataset(VOLUME[0], sop_class="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR")
    for keyword in ("PixelData", "Rows", "Columns"):
        del ds[keyword]
    return hostile.saved(ds)


def directory() -> bytes:
    ds = dataset(VOLUME[0], sop_class=MediaStorageDirectoryStorage)
    del ds.PixelData
    return hostile.saved(ds)


def segmentation() -> bytes:
    return hostile.file_bytes(sop_class=SegmentationStorage, Modality="SEG")


holds("not_an_image", "a structured report", report)
holds("not_an_image", "a segmentation", segmentation)
holds("dicomdir", "a DICOMDIR", directory)

# --- too much for this computer


def with_elements(**elements) -> bytes:
    ds = dataset(VOLUME[0])
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return hostile.saved(ds)


def png_bytes(size: tuple[int, int] = (8, 6), **how) -> bytes:
    stream = io.BytesIO()
    Image.new("L", size, 7).save(stream, "PNG", **how)
    return stream.getvalue()


def nifti_bytes(voxels: np.ndarray = VOLUME, **fields) -> bytes:
    image = nib.Nifti1Image(voxels, np.eye(4))
    raw = bytearray(image.to_bytes())
    for offset, value in fields.get("patches", {}).items():
        raw[offset : offset + len(value)] = value
    return bytes(raw)


def zip_bytes(entries: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


holds("too_large", "a header of 60000 x 60000", lambda: with_elements(Rows=60000, Columns=60000))
holds("too_large", "a thousand million frames", lambda: with_elements(NumberOfFrames=10**9))
holds(
    "too_large",
    "NIfTI dims that promise 30000 a side",
    lambda: nifti_bytes(patches={42: struct.pack("<3h", 30000, 30000, 30000)}),
    suffix=".nii",
)
holds("expands_too_much", "a deflated data set of 486 MB", lambda: hostile.deflated(486 << 20))
holds(
    "expands_too_much",
    "a ZIP that unpacks a thousandfold",
    lambda: zip_bytes({"case.dcm": bytes(300 << 20)}),
    suffix=".zip",
)
holds("nested_too_deep", "sequences 249 deep", lambda: hostile.nested(249))
holds("nested_too_deep", "sequences 5,000 deep", lambda: hostile.nested(5000))

# --- archives


def encrypted() -> bytes:
    raw = bytearray(zip_bytes({"case.dcm": hostile.file_bytes()}))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(magic) + at] |= 1
    return bytes(raw)


def zip_cut() -> bytes:
    return zip_bytes({"case.dcm": hostile.file_bytes()})[:-40]


def zip_wrong_checksum() -> bytes:
    raw = bytearray(zip_bytes({"case.dcm": hostile.file_bytes()}, zipfile.ZIP_STORED))
    raw[200] ^= 0xFF
    return bytes(raw)


def zip_in_zip() -> bytes:
    return zip_bytes({"inner.zip": zip_bytes({"case.dcm": hostile.file_bytes()})})


holds("damaged_archive", "a ZIP without its end", zip_cut, suffix=".zip")
holds(
    "damaged_archive",
    "a ZIP with a wrong checksum",
    zip_wrong_checksum,
    suffix=".zip",
    read=read_skipped,
)
holds("encrypted_archive", "a ZIP with a password", encrypted, suffix=".zip")
holds("nested_archive", "a ZIP within a ZIP", zip_in_zip, suffix=".zip", read=read_skipped)

# --- headers


def tiff_bytes(pages: int = 1) -> bytes:
    stream = io.BytesIO()
    shades = [Image.new("L", (8, 6), shade) for shade in range(pages)]
    shades[0].save(stream, "TIFF", save_all=True, append_images=shades[1:])
    return stream.getvalue()


def pair_header() -> bytes:
    return nifti_bytes(patches={344: b"ni1\0"})[:348]


holds("damaged_dicom", "no Rows", lambda: with_elements(Rows=None))
holds("damaged_dicom", "a slope of zero", lambda: with_elements(RescaleSlope="0"))
holds(
    "damaged_nifti",
    "a number of dimensions that is none",
    lambda: nifti_bytes(patches={40: struct.pack("<h", 77)}),
    suffix=".nii",
)
holds(
    "damaged_nifti",
    "gzip with a wrong checksum",
    lambda: gzip.compress(nifti_bytes())[:-8] + bytes(8),
    suffix=".nii.gz",
)
holds("damaged_image", "a PNG with a header of nonsense", lambda: png_bytes()[:12] + HTML)
holds("nifti_pair", "the header of a pair", pair_header, suffix=".hdr")
holds("multi_page", "a TIFF of three pages", lambda: tiff_bytes(3), suffix=".tif")

# --- pixels

holds("truncated_pixels", "a DICOM file cut short", lambda: hostile.file_bytes()[:-20])
holds("truncated_pixels", "a PNG cut short", lambda: png_bytes((300, 300))[:-30], suffix=".png")
holds("truncated_pixels", "a NIfTI cut short", lambda: nifti_bytes()[:-9], suffix=".nii")
holds(
    "damaged_pixels",
    "a JPEG 2000 stream of noise",
    lambda: hostile.encapsulated(
        JPEG2000Lossless, np.random.default_rng(2).bytes(400) + b"\xff\xd9"
    ),
)
holds(
    "damaged_pixels",
    "RLE segments that lie outside",
    lambda: hostile.encapsulated(RLELossless, hostile.rle(2, [64, 9999], bytes(60))),
)
holds(
    "unsupported_transfer_syntax",
    "a video",
    lambda: hostile.encapsulated(MPEG4HP41, bytes(64)),
)
holds(
    "unsupported_pixels",
    "complex voxels",
    lambda: nifti_bytes(VOLUME.astype(np.complex64)),
    suffix=".nii",
)
holds(
    "no_finite_values",
    "nothing but NaN",
    lambda: nifti_bytes(np.full((4, 4, 4), np.nan, np.float32)),
    suffix=".nii",
)

# --- slices and frames


def heights(folder: Path, *where: tuple[float, float, float], **how) -> Path:
    for k, position in enumerate(where):
        write(folder / f"{k}.dcm", VOLUME[k], position=position, **how)
    return folder


@faulty("no_geometry", "a series without positions")
def _(folder):
    for k in range(4):
        write(folder / f"{k}.dcm", VOLUME[k], position=None)
    return folder


@faulty("frames_without_positions", "a film")
def _(folder):
    frames = VOLUME.astype(np.uint8)
    return write(
        folder / "film.dcm",
        frames,
        position=None,
        sop_class="1.2.840.10008.5.1.4.1.1.3.1",
        Modality="US",
        NumberOfFrames=5,
    )


@faulty("missing_slices", "one of six slices is not there")
def _(folder):
    return heights(folder, *[(0, 0, z) for z in (0, 2, 4, 8, 10)])


@faulty("missing_slices", "a gap between enhanced frames")
def _(folder):
    path = folder / "enhanced.dcm"
    enhanced(VOLUME, [(0, 0, z) for z in (0, 2, 4, 8, 10)]).save_as(path, enforce_file_format=True)
    return path


@faulty("uneven_slices", "slices at uneven distances")
def _(folder):
    return heights(folder, *[(0, 0, z) for z in (0, 2, 4.3, 6.9, 8.1)])


@faulty("misaligned_slices", "slices shifted sideways")
def _(folder):
    return heights(folder, *[(x, 0, 2 * k) for k, x in enumerate((0, 3, 0, 3, 0))])


def twice(folder: Path, first: dict[str, object], second: dict[str, object]) -> Path:
    write_stack(folder / "a", VOLUME, **first)
    write_stack(folder / "b", OTHER, **second)
    return folder


@faulty("several_time_points", "a 4D series")
def _(folder):
    return twice(folder, {"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2})


@faulty("several_time_points", "a 4D NIfTI")
def _(folder):
    return write_nifti(folder / "4d.nii", np.stack([VOLUME, OTHER], axis=-1), np.eye(4))


@faulty("several_echoes", "two echoes")
def _(folder):
    return twice(folder, {"EchoNumbers": 1, "EchoTime": "5"}, {"EchoNumbers": 2, "EchoTime": "50"})


@faulty("several_image_types", "magnitude and phase")
def _(folder):
    kinds = (["ORIGINAL", "PRIMARY", kind, "ND"] for kind in "MP")
    return twice(folder, *({"ImageType": kind, "Modality": "MR"} for kind in kinds))


@faulty("repeated_positions", "one position with two pictures")
def _(folder):
    write_stack(folder, VOLUME)
    write(folder / "again.dcm", OTHER[1], position=(0, 0, 4))
    return folder


@faulty("mixed_matrix", "slices of two sizes")
def _(folder):
    write_stack(folder, VOLUME)
    for k in range(3):
        write(folder / f"small{k}.dcm", VOLUME[k, :4], position=(0, 0, 20 + 2 * k))
    return folder


@faulty("mixed_orientation", "slices in two directions")
def _(folder):
    write_stack(folder, VOLUME)
    for k in range(3):
        turned = {"orientation": (0, 1, 0, 0, 0, -1), "position": (2 * k, 0, 0)}
        write(folder / f"sagittal{k}.dcm", VOLUME[k], **turned)
    return folder


@faulty("mixed_spacing", "slices of two pixel spacings")
def _(folder):
    write_stack(folder, VOLUME)
    for k in range(3):
        write(folder / f"w{k}.dcm", VOLUME[k], position=(0, 0, 20 + 2 * k), spacing=(2.0, 2.0))
    return folder


@faulty("unknown_mosaic", "a mosaic without a word of its tiles")
def _(folder):
    kinds = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    return write(folder / "mosaic.dcm", VOLUME[0], ImageType=kinds, Modality="MR")


# --- folders


@faulty("several_series", "two series")
def _(folder):
    write_stack(folder / "a", VOLUME)
    write_stack(folder / "b", VOLUME, series=f"{SERIES}.2")
    return folder


@faulty("no_such_part", "the tenth of two volumes", read=lambda path: read_scan(path, part=9))
def _(folder):
    return write_nifti(folder / "4d.nii", np.stack([VOLUME, OTHER], axis=-1), np.eye(4))


@faulty("no_scan", "a folder of texts")
def _(folder):
    (folder / "readme.txt").write_text("nothing here")
    return folder


@faulty("no_scan", "an empty folder")
def _(folder):
    return folder
