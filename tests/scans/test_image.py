from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from medsiam.errors import ScanError
from medsiam.scans.guard import guarded
from medsiam.scans.image import read_image

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], -1)


def code_of(path, **how):
    with pytest.raises(ScanError) as caught, guarded(path):
        read_image(path, **how)
    return caught.value.code


def tiff_of(tmp_path, values, tags):
    """A TIFF of one raw strip, little-endian unless the values are not."""
    order = ">" if values.dtype.byteorder == ">" else "<"
    stored = values.tobytes()
    known = {256: values.shape[1], 257: values.shape[0], 259: 1, 262: 1, 273: 8, 277: 1}
    known |= {258: 8 * values.itemsize, 278: values.shape[0], 279: len(stored), **tags}
    data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(stored))
    data += stored + struct.pack(f"{order}H", len(known))
    for tag, value in sorted(known.items()):
        data += struct.pack(f"{order}HHII", tag, 4, 1, value)
    (tmp_path / "x").write_bytes(data + bytes(4))
    return tmp_path / "x"


def saved(tmp_path, image, form="PNG", **how):
    image.save(tmp_path / "x", format=form, **how)
    return tmp_path / "x"


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_grey_keeps_values_and_axes(tmp_path, form):
    scan = read_image(saved(tmp_path, Image.fromarray(GREY), form))
    assert scan.array.shape == (4, 3)
    assert scan.array.dtype == np.float32
    for row in range(3):
        for column in range(4):
            assert scan.array[column, row] == GREY[row, column]
    assert (scan.affine, scan.spacing, scan.modality, scan.warnings) == (None, None, None, ())


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_colour_is_last(tmp_path, form):
    scan = read_image(saved(tmp_path, Image.fromarray(COLOUR), form))
    np.testing.assert_array_equal(scan.array, COLOUR.transpose(1, 0, 2))


def test_jpeg(tmp_path):
    flat = np.full((16, 24, 3), (200, 30, 90), np.uint8)
    scan = read_image(saved(tmp_path, Image.fromarray(flat), "JPEG", quality=95))
    assert scan.array.shape == (24, 16, 3)
    assert abs(scan.array - [200, 30, 90]).max() <= 3


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_is_kept(tmp_path, form):
    deep = np.asarray([[0, 1, 65535], [300, 40000, 7]], np.uint16)
    np.testing.assert_array_equal(
        read_image(saved(tmp_path, Image.fromarray(deep), form)).array, deep.T
    )


def test_float_tiff_with_nan(tmp_path):
    values = np.asarray([[0.5, -3], [np.nan, 1e6]], np.float32)
    scan = read_image(saved(tmp_path, Image.fromarray(values), "TIFF"))
    assert scan.array.tolist() == [[0.5, -3], [-3, 1e6]]
    assert "1 values" in scan.warnings[0]


def test_a_palette_is_expanded(tmp_path):
    image = Image.fromarray(np.asarray([[0, 1], [2, 1]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 200, 0, 0, 0, 9])
    scan = read_image(saved(tmp_path, image))
    assert scan.array[1, 0].tolist() == [0, 200, 0]
    assert scan.array[0, 1].tolist() == [0, 0, 9]


def test_black_and_white_is_grey(tmp_path):
    scan = read_image(saved(tmp_path, Image.fromarray(GREY > 100)))
    np.testing.assert_array_equal(scan.array, (GREY > 100).T * 255)


def test_alpha_is_dropped_where_opaque_and_put_on_black_elsewhere(tmp_path):
    opaque = Image.fromarray(COLOUR).convert("RGBA")
    scan = read_image(saved(tmp_path, opaque))
    np.testing.assert_array_equal(scan.array, COLOUR.transpose(1, 0, 2))
    assert scan.warnings == ()
    alpha = np.full((3, 4), 255, np.uint8)
    alpha[0, 1] = 0
    opaque.putalpha(Image.fromarray(alpha))
    scan = read_image(saved(tmp_path, opaque))
    assert scan.array[1, 0].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(scan.array[2, 2], COLOUR[2, 2])
    assert "on black" in scan.warnings[0]
    grey = Image.fromarray(GREY).convert("LA")
    assert read_image(saved(tmp_path, grey)).array.shape == (4, 3)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (6, lambda a: np.rot90(a, -1)),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_exif_orientation_is_applied(tmp_path, orientation, upright, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    scan = read_image(saved(tmp_path, Image.fromarray(GREY), form, exif=exif))
    np.testing.assert_array_equal(scan.array, upright(GREY).T)


def test_white_is_zero_is_turned_round(tmp_path):
    for values in (GREY, GREY.astype(np.uint16) * 100):
        path = saved(tmp_path, Image.fromarray(values), "TIFF", tiffinfo={262: 0})
        top = np.iinfo(values.dtype).max
        with Image.open(path) as image:
            assert image.tag_v2[262] == 0
        data = path.read_bytes()
        stored = values.astype(values.dtype.newbyteorder("<")).tobytes()
        is_as_given = stored in data  # Pillow may have turned the values when it wrote them
        expected = top - values if is_as_given else values
        np.testing.assert_array_equal(read_image(path).array, expected.T)


def test_several_pages_are_refused(tmp_path):
    pages = [Image.fromarray(GREY), Image.fromarray(GREY)]
    path = saved(tmp_path, pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert code_of(path) == "multi_page"
    path = saved(
        tmp_path, pages[0], "PNG", save_all=True, append_images=[Image.fromarray(GREY[::-1])]
    )
    assert code_of(path) == "multi_page"


def test_each_part_is_the_page_that_pillow_shows(tmp_path):
    pages = [Image.fromarray(GREY + np.uint8(k)) for k in range(4)]
    pages.append(Image.fromarray(COLOUR))
    path = saved(tmp_path, pages[0], "TIFF", save_all=True, append_images=pages[1:])
    for part, page in enumerate(pages):
        expected = np.swapaxes(np.asarray(page), 0, 1)
        np.testing.assert_array_equal(read_image(path, part=part).array, expected)
    for part in (-1, 5):
        assert code_of(path, part=part) == "no_such_part"


def test_each_part_is_the_frame_of_an_animated_png(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())]
    path = saved(tmp_path, frames[0], "PNG", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(path, part=0).array, GREY.T)
    np.testing.assert_array_equal(read_image(path, part=1).array, GREY[::-1].T)
    assert code_of(path, part=2) == "no_such_part"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_the_one_picture_is_part_0(tmp_path, form):
    path = saved(tmp_path, Image.fromarray(GREY), form)
    np.testing.assert_array_equal(read_image(path, part=0).array, read_image(path).array)
    assert code_of(path, part=1) == "no_such_part"


@pytest.mark.parametrize(
    ("dtype", "sample_format"),
    [
        *[("u1", 1), ("<u2", 1), (">u2", 1), ("<u4", 1)],
        *[("<i2", 2), (">i2", 2), ("<i4", 2), ("<f4", 3), (">f4", 3)],
    ],
)
def test_plain_tiffs_of_every_number(tmp_path, dtype, sample_format):
    values = np.asarray([[0, 1, 100], [3, 250, 7]], dtype)
    if values.itemsize > 1:
        values[0, 0] = np.iinfo(dtype).max if values.dtype.kind in "iu" else -0.5
    path = tiff_of(tmp_path, values, {339: sample_format})
    np.testing.assert_array_equal(read_image(path).array, values.T.astype(np.float32))


def test_a_tiff_of_other_numbers_is_named(tmp_path):
    half = np.zeros((2, 3), np.float16)
    assert code_of(tiff_of(tmp_path, half, {339: 3})) == "unsupported_pixels"


def test_cmyk_jpeg_is_the_colour_it_was(tmp_path):
    flat = Image.new("RGB", (16, 16), (200, 30, 90)).convert("CMYK")
    scan = read_image(saved(tmp_path, flat, "JPEG", quality=95))
    assert abs(scan.array - [200, 30, 90]).max() <= 4


def png(width, height, depth=8, colour=0, data=b"") -> bytes:
    """A PNG whose header may promise anything."""

    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "size", [(60_000, 60_000), (20_000, 2), (10_000, 10_000), (16_000, 16_000)]
)
def test_bombs_are_refused_from_the_header(tmp_path, size):
    (tmp_path / "x").write_bytes(png(*size))
    assert code_of(tmp_path / "x") == "too_large"


def test_colour_of_16_bits_is_read_with_8_and_said(tmp_path):
    row = b"\0" + struct.pack(">6H", 65535, 0, 0x1234, 0, 0x8000, 0)
    (tmp_path / "x").write_bytes(png(2, 1, 16, 2, row))
    scan = read_image(tmp_path / "x")
    assert scan.array[0, 0].tolist() == [255, 0, 0x12]
    assert scan.warnings == ("16 bits a channel were read with 8",)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_never_filled_up(tmp_path, form, share):
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, form)
    (tmp_path / "x").write_bytes(data.getvalue()[: int(share * len(data.getvalue()))])
    assert code_of(tmp_path / "x") in {"truncated_pixels", "damaged_image"}


@pytest.mark.parametrize("magic", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*"])
def test_a_magic_and_nothing_behind(tmp_path, magic):
    (tmp_path / "x").write_bytes(magic + b"\x07" * 40)
    assert code_of(tmp_path / "x") in {"truncated_pixels", "damaged_image"}


def test_a_missing_file_is_the_disks_fault_not_the_pictures(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "gone")


def test_real_images(medsiam_data):
    for name, colour in (("chula_rbc_cells", True), ("cxr_rare_pneumonia", False)):
        path = next(
            p for p in sorted((medsiam_data / name).rglob("*")) if p.suffix in (".png", ".jpg")
        )
        scan = read_image(path)
        with Image.open(path) as image:
            expected = np.asarray(image)
        assert (scan.n_channels == 3) == colour
        np.testing.assert_array_equal(scan.array, np.swapaxes(expected, 0, 1))
