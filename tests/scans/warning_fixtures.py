"""One file or folder for each warning: read all the same, and said."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from medsiam.scans import Scan, index_folder, read_scan
from tests.scans import hostile_dicom as hostile
from tests.scans.fault_fixtures import OTHER, VOLUME, twice
from tests.scans.fixture import Fixtures
from tests.scans.written import SHIPPED, write, write_nifti, write_stack

ODD = Fixtures()
odd = ODD.add


def first_source(path: Path) -> Scan:
    """Read the first of several scans in a folder."""
    return index_folder(path).sources[0].read()


@odd("split_series", "slices of two sizes", read=first_source)
def _(folder):
    write_stack(folder, VOLUME)
    for k in range(3):
        write(folder / f"small{k}.dcm", VOLUME[k, :4], position=(0, 0, 20 + 2 * k))
    return folder


@odd("one_of_several", "the first of two time points", read=first_source)
def _(folder):
    return twice(folder, {"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2})


@odd("one_of_several", "the first volume of a 4D NIfTI", read=first_source)
def _(folder):
    return write_nifti(folder / "4d.nii", np.stack([VOLUME, OTHER], axis=-1), np.eye(4))


def last_source(path):
    return index_folder(path).sources[-1].read()


@odd(
    "fewer_slices",
    "the second of two time points lacks its last slice",
    read=last_source,
    also=frozenset({"one_of_several"}),
)
def _(folder):
    write_stack(folder / "a", VOLUME, TemporalPositionIdentifier=1)
    write_stack(folder / "b", VOLUME[:-1], TemporalPositionIdentifier=2)
    return folder


@odd("repeated_slices", "a copy of a slice")
def _(folder):
    paths = write_stack(folder, VOLUME)
    (folder / "copy.dcm").write_bytes(paths[2].read_bytes())
    return folder


@odd("left_out", "a text beside a series")
def _(folder):
    write_stack(folder, VOLUME)
    (folder / "readme.txt").write_text("nothing to see")
    return folder


@odd("slice_gap", "slices of 1 mm every 5 mm")
def _(folder):
    write_stack(folder, VOLUME, step=5.0, SliceThickness="1")
    return folder


@odd("gantry_tilt", "a tilted gantry")
def _(folder):
    for k, stored in enumerate(VOLUME):
        write(folder / f"{k}.dcm", stored, position=(0, 0.7 * k, 2 * k))
    return folder


@odd("resampled", "a gap that may be filled", read=lambda p: read_scan(p, allow_resample=True))
def _(folder):
    for k, z in enumerate((0, 2, 4, 8, 10)):
        write(folder / f"{k}.dcm", VOLUME[k], position=(0, 0, z))
    return folder


@odd("odd_orientation", "directions that are no right angle")
def _(folder):
    return write(folder / "a.dcm", VOLUME[0], orientation=(1, 0, 0, 0.5, 0.5, 0))


@odd("odd_header", "colours that the stream contradicts", also=frozenset({"burned_in_text"}))
def _(folder):
    return write_raw(folder, (SHIPPED / "test_files" / "SC_rgb_jpeg.dcm").read_bytes())


@odd("odd_character_set", "a character set that is none")
def _(folder):
    raw = hostile.file_bytes(SpecificCharacterSet="ISO_IR 100")
    return write_raw(folder, raw.replace(b"ISO_IR 100", b"ISO_IR 999"))


@odd("odd_character_set", "an ID in another character set than said")
def _(folder):
    raw = hostile.file_bytes(SpecificCharacterSet="ISO_IR 192")
    return write_raw(folder, raw.replace(b"planted-4711", b"\xff\xfe\xc8\xe4ted-4711"))


def write_raw(folder: Path, raw: bytes) -> Path:
    path = folder / "case.dcm"
    path.write_bytes(raw)
    return path


@odd("laterality_conflict", "a right side that lies on the left")
def _(folder):
    for k, stored in enumerate(VOLUME):
        how = {"Laterality": "R", "BodyPartExamined": "KNEE", "Modality": "MR"}
        write(folder / f"{k}.dcm", stored, position=(90, 0, 2 * k), **how)
    return folder


@odd("shows_identity", "a screenshot that says so")
def _(folder):
    how = {"BurnedInAnnotation": "YES", "Modality": "OT", "ConversionType": "WSD"}
    secondary = "1.2.840.10008.5.1.4.1.1.7"
    return write(folder / "a.dcm", VOLUME[0], position=None, sop_class=secondary, **how)


@odd("burned_in_text", "ultrasound that does not say")
def _(folder):
    ultrasound = "1.2.840.10008.5.1.4.1.1.6.1"
    grey = VOLUME[0].astype(np.uint8)
    return write(folder / "a.dcm", grey, position=None, sop_class=ultrasound, Modality="US")


@odd("excess_pixel_data", "bytes behind the pixels")
def _(folder):
    return write(folder / "a.dcm", VOLUME[0], PixelData=VOLUME[0].tobytes() + bytes(10))


@odd("values_replaced", "NaN among the voxels")
def _(folder):
    voxels = VOLUME.astype(np.float32)
    voxels[0, 0, 0] = np.nan
    return write_nifti(folder / "a.nii", voxels, np.eye(4))


@odd("padding_replaced", "padding around a circle of CT")
def _(folder):
    stored = VOLUME[0].copy()
    stored[0] = -2000
    return write(folder / "a.dcm", stored, PixelPaddingValue=-2000)


@odd("reduced_depth", "colour of 16 bits a channel")
def _(folder):
    return write_raw(folder, png_16_bit_colour())


def png_16_bit_colour() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    rows = b"".join(b"\0" + bytes(range(4 * 6)) for _ in range(3))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 3, 16, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


@odd("transparency", "a half transparent picture")
def _(folder):
    path = folder / "a.png"
    Image.new("RGBA", (8, 6), (10, 20, 30, 128)).save(path)
    return path


def nifti_with_forms(folder: Path, sform: np.ndarray, qform: np.ndarray | None) -> Path:
    image = nib.Nifti1Image(VOLUME, np.eye(4))
    image.set_sform(sform, 1)
    image.set_qform(np.eye(4) if qform is None else qform, 0 if qform is None else 1)
    path = folder / "a.nii"
    nib.save(image, path)
    return path


@odd("sform_qform_disagree", "a sform beside another qform")
def _(folder):
    return nifti_with_forms(folder, np.diag([2.0, 2, 2, 1]), np.diag([-2.0, 2, 2, 1]))


@odd("unusable_affine", "an affine that flattens space")
def _(folder):
    flat = np.eye(4)
    flat[2, 2], flat[1, 2] = 0.0, 1.0
    return nifti_with_forms(folder, flat, None)


@odd("voxel_size_used", "steps of 1 mm beside another voxel size")
def _(folder):
    image = nib.Nifti1Image(VOLUME, np.eye(4))
    image.set_sform(np.eye(4), 1)
    image.header["pixdim"][1:4] = 1.5, 1.5, 5.0
    image.header["vox_offset"] = 352
    image.header["qform_code"], image.header["xyzt_units"] = 0, 2
    raw = image.header.binaryblock + bytes(4) + VOLUME.tobytes(order="F")
    (folder / "a.nii").write_bytes(raw)
    return folder / "a.nii"
