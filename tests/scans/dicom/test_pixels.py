from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import MPEG2MPML

from medsiam.errors import ScanError
from medsiam.scans.dicom.header import header_of, read_dataset
from medsiam.scans.dicom.pixels import Window, inverted, pictures
from medsiam.scans.guard import guarded
from tests.scans.written import SHIPPED, dataset, head_of

PIXELS = np.asarray([[0, 1, 2, 3], [10, 20, 30, 40], [100, 200, 300, 400]], np.int16)


def picture(ds):
    (one,) = pictures(ds, header_of(head_of(ds), "a.dcm"))
    return one


def code_of(ds):
    with pytest.raises(ScanError) as caught:
        picture(ds)
    return caught.value.code


def shipped(name):
    return read_dataset(SHIPPED / "test_files" / name)[0]


def test_axes_are_column_then_row():
    array = picture(dataset(PIXELS)).array
    assert array.dtype == np.float32
    assert array.shape == (4, 3)
    for row in range(3):
        for column in range(4):
            assert array[column, row] == PIXELS[row, column]


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (-10, 5), (0.25, 0), (2.5e-3, 7)])
def test_rescale_with_any_slope(slope, intercept):
    array = picture(dataset(PIXELS, RescaleSlope=slope, RescaleIntercept=intercept)).array
    expected = [[slope * int(v) + intercept for v in column] for column in PIXELS.T]
    np.testing.assert_allclose(array, expected, rtol=1e-6)


@pytest.mark.parametrize("empty", [{"RescaleIntercept": 5}, {"RescaleSlope": None}])
def test_half_a_rescale_takes_the_other_half_as_none(empty):
    array = picture(dataset(PIXELS, **empty)).array
    np.testing.assert_array_equal(array, PIXELS.T + (empty.get("RescaleIntercept") or 0))


def test_a_slope_of_zero_is_damage():
    assert code_of(dataset(PIXELS, RescaleSlope=0, RescaleIntercept=1)) == "damaged_dicom"


def test_large_values_keep_every_digit_that_float32_has():
    stored = np.asarray([[65535, 65534], [1, 0]], np.uint16)
    assert picture(dataset(stored)).array.tolist() == [[65535, 1], [65534, 0]]


@pytest.mark.parametrize("signed", [False, True])
def test_unused_high_bits_are_masked(signed):
    dirty = np.asarray([[0x0123, 0xF123], [0x5FFF, 0xA800]], np.uint16)
    ds = dataset(dirty, BitsStored=12, HighBit=11, PixelRepresentation=int(signed))
    expected = []
    for value in dirty.T.ravel():
        low = int(value) & 0xFFF
        expected.append(low - 4096 if signed and low >= 2048 else low)
    assert picture(ds).array.ravel().tolist() == expected


def test_modality_lut_goes_before_nothing_else():
    lut = Dataset()
    lut.LUTDescriptor = [5, 0, 16]
    lut.add_new("LUTData", "US", [7, 70, 700, 7000, 65535])
    lut.ModalityLUTType = "US"
    stored = np.asarray([[0, 1], [4, 9]], np.uint16)
    array = picture(dataset(stored, ModalityLUTSequence=[lut])).array
    assert array.tolist() == [[7, 65535], [70, 65535]]  # beyond the table: its last entry


def test_monochrome1_keeps_the_range_and_turns_window_and_values():
    stored = np.asarray([[0, 100], [1000, 4095]], np.uint16)
    ds = dataset(
        stored,
        PhotometricInterpretation="MONOCHROME1",
        BitsStored=12,
        HighBit=11,
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=[200, 1],
        WindowWidth=[50, 1],
    )
    one = picture(ds)
    assert one.pivot == (2 * 0 - 1000) + (2 * 4095 - 1000)
    turned, windows = inverted(one.array, one.windows, one.pivot)
    # By hand: stored v shows as (4095 - v), then rescaled.
    by_hand = [[2 * (4095 - int(v)) - 1000 for v in column] for column in stored.T]
    assert turned.tolist() == by_hand
    # A value at the window's centre is still at its centre.
    assert windows == (Window("", one.pivot - 200, 50), Window("", one.pivot - 1, 1))


def test_monochrome1_of_signed_values_with_a_negative_slope():
    stored = np.asarray([[-8, 0, 7]], np.int16)
    ds = dataset(
        stored,
        PhotometricInterpretation="MONOCHROME1",
        BitsStored=4,
        HighBit=3,
        RescaleSlope=-3,
        RescaleIntercept=1,
    )
    one = picture(ds)
    ends = [-3 * -8 + 1, -3 * 7 + 1]
    assert one.pivot == sum(ends)
    turned, _ = inverted(one.array, (), one.pivot)
    assert sorted(turned.ravel().tolist()) == sorted([ends[0], sum(ends) - 1, ends[1]])


@pytest.mark.parametrize(
    ("center", "width", "windows"),
    [
        (40, 400, [(40, 400)]),
        ([40, 50], [400, 350], [(40, 400), (50, 350)]),
        (40, 0, []),
        ([40, 50], [0, 350], [(50, 350)]),
        ([40, 50], 400, [(40, 400)]),
        (40, None, []),
    ],
)
def test_usable_windows(center, width, windows):
    found = picture(dataset(PIXELS, WindowCenter=center, WindowWidth=width)).windows
    assert [(one.center, one.width) for one in found] == windows


def test_windows_keep_their_names():
    ds = dataset(
        PIXELS,
        WindowCenter=[40, -600],
        WindowWidth=[400, 1500],
        WindowCenterWidthExplanation=["SOFT", "LUNG"],
    )
    assert picture(ds).windows == (Window("SOFT", 40, 400), Window("LUNG", -600, 1500))


def test_single_frames_can_be_asked_for():
    ds = dataset(np.stack([PIXELS, PIXELS + 1, PIXELS + 2]), NumberOfFrames=3)
    header = header_of(head_of(ds), "a.dcm")
    found = list(pictures(ds, header, [2, 0]))
    assert [one.array[0, 0] for one in found] == [2, 0]


def test_palette_is_expanded_to_0_to_255():
    ds = dataset(np.asarray([[0, 1], [2, 1]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name, entries in (("Red", [0, 65535, 0]), ("Green", [0, 0, 257]), ("Blue", [65535, 0, 0])):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [3, 0, 16])
        data = np.asarray(entries, "<u2").tobytes()
        setattr(ds, f"{name}PaletteColorLookupTableData", data)
    array = picture(ds).array
    assert array.shape == (2, 2, 3)
    np.testing.assert_allclose(array[0, 0], [0, 0, 255])
    np.testing.assert_allclose(array[1, 0], [255, 0, 0])
    np.testing.assert_allclose(array[0, 1], [0, 1, 0], atol=1e-5)


def test_colour_is_0_to_255_at_any_depth():
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        stored = np.zeros((2, 3, 3), dtype)
        stored[1, 2] = [top, top // 5, 0]
        ds = dataset(
            stored, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0
        )
        array = picture(ds).array
        assert array.shape == (3, 2, 3)
        np.testing.assert_allclose(array[2, 1], [255, 51, 0], rtol=1e-6)


def test_ybr_becomes_rgb():
    """PS3.3 C.7.6.3.1.2 written out for one pixel."""
    y, cb, cr = 120, 90, 170
    stored = np.full((1, 1, 3), (y, cb, cr), np.uint8)
    ds = dataset(
        stored, SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=0
    )
    red = y + 1.402 * (cr - 128)
    green = y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    blue = y + 1.772 * (cb - 128)
    np.testing.assert_allclose(picture(ds).array[0, 0], [red, green, blue], atol=1)


def test_missing_bytes_are_counted():
    ds = dataset(PIXELS)
    ds.PixelData = ds.PixelData[:-5] + b"\0"
    with pytest.raises(ScanError, match="20 of 24 bytes") as caught:
        picture(ds)
    assert caught.value.code == "truncated_pixels"


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
    ],
)
def test_a_compressed_stream_cut_short_is_never_filled_up(name, capfd):
    ds = shipped(name)
    (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
    ds.PixelData = encapsulate([stream[: len(stream) * 2 // 3]])
    assert code_of(ds) == "truncated_pixels"
    assert capfd.readouterr().err == ""


def test_rle_cut_short(capfd):
    ds = shipped("MR_small_RLE.dcm")
    (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
    ds.PixelData = encapsulate([stream[: len(stream) // 2]])
    assert code_of(ds) == "damaged_pixels"


def test_a_compression_without_decoder():
    ds = dataset(PIXELS)
    ds.file_meta.TransferSyntaxUID = MPEG2MPML
    assert code_of(ds) == "unsupported_transfer_syntax"
    assert code_of(shipped("JPGExtended.dcm")) == "unsupported_transfer_syntax"


def test_a_stream_of_another_size_than_the_header_says():
    ds = shipped("MR_small_jp2klossless.dcm")
    ds.Rows = 32
    assert code_of(ds) == "damaged_pixels"


def test_fewer_frames_than_promised():
    ds = shipped("MR_small_RLE.dcm")
    ds.NumberOfFrames = 2
    header = header_of(head_of(ds), "a.dcm")
    with pytest.raises(ScanError) as caught:
        list(pictures(ds, header))
    assert caught.value.code == "truncated_pixels"


def test_an_incomplete_pixel_format_is_damage():
    ds = dataset(PIXELS)
    del ds.BitsAllocated
    assert code_of(ds) == "damaged_dicom"


def test_float_pixel_data():
    ds = dataset(PIXELS)
    del ds.PixelData
    ds.FloatPixelData = np.asarray(PIXELS, "<f4").tobytes()
    ds.BitsAllocated = 32
    del ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    np.testing.assert_array_equal(picture(ds).array, PIXELS.T)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_one_image_in_several_encodings(name):
    plain = pydicom.dcmread(SHIPPED / "test_files" / "MR_small.dcm")
    raw = np.frombuffer(plain.PixelData, "<i2").reshape(64, 64)
    with guarded(SHIPPED) as said:
        np.testing.assert_array_equal(picture(shipped(name)).array, raw.T)
    assert bool(said) == ("padded" in name)


def test_high_bits_of_real_scans(medsiam_data):
    for name, signed in (("12bitUnsigned_0x0F0F", False), ("12bitSigned_0x0F0F", True)):
        ds = read_dataset(medsiam_data / f"dicom_samples/transfer_syntax/{name}.dcm")[0]
        raw = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)
        assert raw.max() > 4095
        expected = (raw & 0xFFF).astype(np.int32)
        if signed:
            expected[expected >= 2048] -= 4096
        np.testing.assert_array_equal(picture(ds).array, expected.T)


def test_nine_encodings_of_a_real_scan_are_equal_to_the_reference(medsiam_data):
    """The picture is a mosaic of 6 x 6 tiles; the reference has them as slices, rows turned."""
    import nibabel as nib

    folder = medsiam_data / "dicom_samples"
    reference = np.asarray(nib.load(folder / "reference_nifti/transfer_syntax.nii").dataobj)
    for number in range(1, 10):
        array = picture(read_dataset(folder / f"transfer_syntax/ts_{number}.dcm")[0]).array
        for z in range(reference.shape[2]):
            column, row = z % 6, z // 6
            tile = array[64 * column : 64 * column + 64, 64 * row : 64 * row + 64]
            np.testing.assert_array_equal(tile[:, ::-1], reference[..., z])


def test_a_few_bytes_that_decode_to_very_many_are_refused_unseen():
    ds = shipped("MR_small_jp2klossless.dcm")
    (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
    ds.Rows, ds.Columns = 16_000, 16_000
    ds.PixelData = encapsulate([stream[:800] + b"\xff\xd9"])
    assert code_of(ds) == "expands_too_much"


def test_many_bytes_for_few_pixels_are_damage():
    ds = shipped("MR_small_RLE.dcm")
    ds.PixelData = encapsulate([b"\x81\0" * (1 << 20)])
    assert code_of(ds) == "damaged_pixels"


def test_what_should_be_jpeg_2000_and_is_not():
    ds = shipped("MR_small_jp2klossless.dcm")
    box = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0free" + bytes(60) + b"\xff\xd9"
    ds.PixelData = encapsulate([box])
    assert code_of(ds) == "damaged_pixels"


def test_a_file_around_a_codestream_changes_nothing():
    ds = shipped("MR_small_jp2klossless.dcm")
    expected = picture(ds).array
    (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
    ds.PixelData = encapsulate([b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0jp2c" + stream])
    np.testing.assert_array_equal(picture(ds).array, expected)


def test_a_palette_that_makes_no_sense_is_damage():
    ds = dataset(np.asarray([[0, 1]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [60000, 0, 16])
        setattr(ds, f"{name}PaletteColorLookupTableData", b"\0\1")
    assert code_of(ds) == "damaged_dicom"


def test_high_bits_in_compressed_pixels_are_refused():
    ds = shipped("MR_small_RLE.dcm")
    ds.BitsStored, ds.HighBit = 12, 15
    assert code_of(ds) == "unsupported_pixels"
