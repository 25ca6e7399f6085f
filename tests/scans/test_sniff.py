from __future__ import annotations

import gzip
import os

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medsiam.errors import ScanError
from medsiam.scans.sniff import opened, sniff
from tests.scans.written import SHIPPED, write, write_nifti

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


def kind_of(path):
    with opened(path) as file:
        return sniff(file, path)


def code_of(path):
    with pytest.raises(ScanError) as caught:
        kind_of(path)
    return caught.value.code


def test_names_are_never_asked(tmp_path):
    assert kind_of(write(tmp_path / "a.png", PIXELS)) == "dicom"
    nifti = write_nifti(tmp_path / "b.nii.gz", PIXELS)
    assert kind_of(nifti.rename(tmp_path / "b.dcm")) == "nifti"
    Image.fromarray(PIXELS.astype(np.uint8)).save(tmp_path / "c", format="PNG")
    assert kind_of(tmp_path / "c") == "image"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_images(tmp_path, form):
    Image.fromarray(PIXELS.astype(np.uint8)).save(tmp_path / "x", format=form)
    assert kind_of(tmp_path / "x") == "image"


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_of_both_versions_and_byte_orders(tmp_path, kind, name, order):
    header = kind.header_class(endianness=order)
    kind(PIXELS, np.eye(4), header).to_filename(tmp_path / name)
    assert kind_of(tmp_path / name) == "nifti"


def test_half_of_a_pair_is_named(tmp_path):
    nib.Nifti1Pair(PIXELS, np.eye(4)).to_filename(tmp_path / "v.hdr")
    assert code_of(tmp_path / "v.hdr") == "nifti_pair"


@pytest.mark.parametrize(
    "name", ["ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "rtstruct.dcm"]
)
def test_dicom_without_preamble(name):
    path = SHIPPED / "test_files" / name
    assert path.read_bytes()[128:132] != b"DICM"
    assert kind_of(path) == "dicom"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"some words\n" * 9, "text"),
        (b"%PDF-1.7\n" + bytes(60), "a PDF"),
        (gzip.compress(b"words" * 200, mtime=0), "gzip without NIfTI"),
        (gzip.compress(b"words" * 200, mtime=0)[:9], "gzip without NIfTI"),
        (bytes(range(256)), "nothing known"),
        (b"\0", "nothing known"),
        (b"\x08\x00", "nothing known"),
        (bytes(600), "nothing known"),
    ],
)
def test_everything_else_is_told_apart(tmp_path, content, said):
    path = tmp_path / "scan.dcm"
    path.write_bytes(content)
    with pytest.raises(ScanError, match=said) as caught:
        kind_of(path)
    assert caught.value.code == "unknown_format"


def test_an_empty_file(tmp_path):
    (tmp_path / "x").touch()
    assert code_of(tmp_path / "x") == "empty_file"


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "x")
    assert code_of(tmp_path / "x") == "not_a_file"


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(60), b"PK\x05\x06" + bytes(18)])
def test_an_archive(tmp_path, content):
    (tmp_path / "x.dcm").write_bytes(content)
    assert kind_of(tmp_path / "x.dcm") == "archive"
