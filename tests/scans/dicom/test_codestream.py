from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import generate_frames

from medsiam.errors import ScanError
from medsiam.scans.dicom.codestream import check_stream, is_codestream, plain_stream
from tests.scans.written import SHIPPED

PATH = Path("a.dcm")
PICTURE = Image.fromarray(np.arange(40 * 30, dtype=np.uint8).reshape(30, 40))


def packed(kind: str, **how) -> bytes:
    stream = io.BytesIO()
    PICTURE.save(stream, kind, **how)
    return stream.getvalue()


def code_of(frame: bytes, columns: int = 40, rows: int = 30) -> str:
    with pytest.raises(ScanError) as caught:
        check_stream(frame, columns, rows, PATH)
    return caught.value.code


STREAMS = {
    "jpeg": packed("JPEG"),
    "progressive": packed("JPEG", progressive=True),
    "with comments": packed("JPEG", comment=b"x" * 500, exif=b"Exif\0\0" + b"y" * 200),
    "jpeg 2000": packed("JPEG2000", no_jp2=True),
    "tiled": packed("JPEG2000", no_jp2=True, tile_size=(16, 16)),
}


@pytest.mark.parametrize("frame", STREAMS.values(), ids=STREAMS)
def test_the_size_that_the_stream_has_is_the_one_it_is_checked_against(frame):
    check_stream(frame, 40, 30, PATH)
    assert code_of(frame, 30, 40) == "damaged_pixels"
    assert code_of(frame, 60_000, 60_000) == "damaged_pixels"


@pytest.mark.parametrize(
    "name",
    ["MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm"],
)
@pytest.mark.filterwarnings("ignore")
def test_real_streams(name):
    ds = dcmread(SHIPPED / "test_files" / name)
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    check_stream(frame, ds.Columns, ds.Rows, PATH)
    assert code_of(frame, ds.Columns + 1, ds.Rows) == "damaged_pixels"


def test_the_file_around_a_codestream_is_taken_off():
    wrapped, plain = packed("JPEG2000"), packed("JPEG2000", no_jp2=True)
    assert not is_codestream(wrapped)
    assert plain_stream(wrapped) == plain
    assert plain_stream(plain) == plain
    assert plain_stream(STREAMS["jpeg"]) == STREAMS["jpeg"]
    assert plain_stream(b"nothing of the kind") == b"nothing of the kind"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({4: (0, 0)}, "no size"),  # tiles of no size
        ({0: (0, 0)}, "no size"),
        ({2: (50, 0)}, "no size"),  # an offset beyond the end
        ({4: (1, 1), 0: (4000, 3000)}, "tiles"),
    ],
)
def test_a_jpeg_2000_header_that_makes_no_sense(fields, said):
    frame = bytearray(STREAMS["jpeg 2000"])
    for first, values in fields.items():
        struct.pack_into(">2I", frame, 8 + 4 * first, *values)
    with pytest.raises(ScanError, match=said):
        check_stream(bytes(frame), 40, 30, PATH)


@pytest.mark.parametrize("name", ["jpeg", "jpeg 2000"])
def test_a_stream_that_ends_in_its_header(name):
    assert code_of(STREAMS[name][:12]) == "truncated_pixels"


def test_what_is_not_known_is_left_to_its_decoder():
    check_stream(b"RLE has no such header", 1, 1, PATH)
    check_stream(b"\xff\xd8\xff\xda\0\2", 1, 1, PATH)  # a scan without frame
