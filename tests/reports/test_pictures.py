"""Pictures against values worked out by hand, by pydicom and by Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from medsiam.errors import UsageError
from medsiam.reports import display_window, encode_png, percentile_window, render_slice
from medsiam.reports.pictures import apply_window, slice_count
from medsiam.scans.scan import Scan

FULL = (127.5, 255.0)  # shows 0 ... 255 as they are


def image(values, **facts) -> Scan:
    return Scan(array=np.asarray(values, np.float32), spatial_dims=2, **facts)


def volume(values, **facts) -> Scan:
    return Scan(array=np.asarray(values, np.float32), spatial_dims=3, **facts)


def test_an_image_lies_with_x_to_the_right_and_y_down():
    pixels = render_slice(image([[10, 20, 30], [40, 50, 60]]), 0, window=FULL)
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [[10, 40], [20, 50], [30, 60]]


def marked(affine, mark):
    """A volume with one bright voxel, nearest to a place in mm."""
    values = np.zeros((5, 5, 5), np.float32)
    index = np.rint(np.linalg.inv(affine) @ [*mark, 1])[:3].astype(int)
    values[tuple(index)] = 255
    return volume(values, affine=affine), index


@pytest.mark.parametrize("x", [-1, 1])
@pytest.mark.parametrize("y", [-1, 1])
@pytest.mark.parametrize("z", [-1, 1])
def test_the_patients_right_is_on_the_left_and_his_front_is_up(x, y, z):
    affine = np.diag([x, y, z, 1.0])
    affine[:3, 3] = [-2 * x, -2 * y, -2 * z]  # voxel (2, 2, 2) at 0 mm
    scan, index = marked(affine, (2, 1, 0))  # right 2 mm (RAS+: right is +x), front 1 mm
    pixels = render_slice(scan, index[2], axis=2, window=FULL)
    assert np.argwhere(pixels).tolist() == [[1, 0]]
    scan, index = marked(affine, (2, 0, 1))
    pixels = render_slice(scan, index[1], axis=1, window=FULL)  # coronal: head up
    assert np.argwhere(pixels).tolist() == [[1, 0]]
    scan, index = marked(affine, (0, 2, 1))
    pixels = render_slice(scan, index[0], axis=0, window=FULL)  # sagittal: front on the left
    assert np.argwhere(pixels).tolist() == [[1, 0]]


def test_a_dicom_like_axial_volume_is_shown_as_stored():
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    scan = volume(values, affine=np.diag([-1.0, -1.0, 1.0, 1.0]))
    assert render_slice(scan, 1, window=FULL).tolist() == values[:, :, 1].T.tolist()


def test_unknown_orientation_is_shown_as_stored():
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert render_slice(volume(values), 2, axis=0 + 2, window=FULL).tolist() == (
        values[:, :, 2].T.tolist()
    )
    assert render_slice(volume(values), 1, axis=0, window=FULL).tolist() == values[1].T.tolist()


def test_true_proportions():
    scan = volume(np.random.default_rng(0).random((8, 6, 5)), spacing=(1.0, 1.0, 3.0))
    assert render_slice(scan, 0, axis=2).shape == (6, 8)
    assert render_slice(scan, 0, axis=1).shape == (15, 8)  # rows are 3 mm apart
    assert render_slice(image(np.eye(6), spacing=(2.0, 1.0)), 0).shape == (6, 12)
    assert render_slice(image(np.eye(6), spacing=(1.0, 1.005)), 0).shape == (6, 6)


@pytest.mark.parametrize(("center", "width"), [(40.0, 400.0), (-600.0, 1500.0), (40.0, 81.0)])
def test_window_agrees_with_pydicom(center, width):
    values = np.arange(-1200, 1200, dtype=np.int16).reshape(60, 40)
    facts = Dataset()
    facts.PhotometricInterpretation = "MONOCHROME2"
    facts.BitsStored, facts.PixelRepresentation = 16, 1
    facts.RescaleSlope, facts.RescaleIntercept = 1, 0
    facts.WindowCenter, facts.WindowWidth = center, width
    facts.VOILUTFunction = "LINEAR_EXACT"
    reference = apply_windowing(values, facts)  # spread over the range of 16 bits
    expected = (reference + 2**15) / (2**16 - 1) * 255
    found = render_slice(image(values), 0, window=(center, width)).T
    assert np.abs(found - expected).max() <= 0.5 + 1e-6


def test_what_is_not_a_number_is_black():
    pixels = apply_window(np.array([np.nan, -np.inf, np.inf, 255.0]), FULL)
    assert pixels.tolist() == [0, 0, 255, 255]
    with pytest.raises(UsageError, match="positive width"):
        apply_window(np.zeros(2), (0.0, 0.0))


def test_the_scans_own_window_comes_first():
    values = np.arange(1000.0).reshape(25, 40)
    own = image(values, window=(40.0, 80.0))
    assert display_window(own) == (40.0, 80.0)
    low, high = np.percentile(values, [1, 99])
    expected = pytest.approx(((low + high) / 2, high - low), rel=1e-5)
    assert percentile_window(own) == expected
    assert display_window(image(values)) == expected
    assert display_window(image(values, window=(40.0, 0.0))) == expected


def test_windows_of_odd_scans():
    assert percentile_window(image(np.full((4, 4), 7.0)))[1] == 1.0
    assert percentile_window(image(np.full((4, 4), np.nan))) == (0.0, 1.0)
    lone = np.zeros((50, 50))
    lone[3, 3] = 9.0  # both percentiles are 0: then the whole range
    assert percentile_window(image(lone)) == (4.5, 9.0)
    with_nan = np.arange(1000.0).reshape(25, 40)
    with_nan[0, 0] = np.nan
    assert np.isfinite(percentile_window(image(with_nan))).all()


def test_percentiles_of_a_large_scan_are_close():
    values = np.random.default_rng(0).normal(size=(150, 150, 150)).astype(np.float32)
    center, width = percentile_window(volume(values))
    low, high = np.percentile(values, [1, 99])
    assert (center - width / 2, center + width / 2) == pytest.approx((low, high), abs=0.02)


def test_colour_is_shown_as_stored():
    values = np.random.default_rng(0).integers(0, 256, (4, 5, 3))
    pixels = render_slice(image(values), 0)
    assert pixels.shape == (5, 4, 3)
    assert pixels.tolist() == values.transpose(1, 0, 2).tolist()
    stretched = render_slice(image(values, spacing=(1.0, 2.0)), 0)
    assert stretched.shape == (10, 4, 3)


@pytest.mark.parametrize(("index", "axis"), [(4, 2), (-1, 2), (2, 0), (0, 3)])
def test_slices_that_are_not_there(index, axis):
    with pytest.raises(UsageError):
        render_slice(volume(np.zeros((2, 3, 4))), index, axis=axis)


def test_slices_of_an_image():
    assert slice_count(image(np.zeros((2, 3)))) == 1
    for index, axis in ((1, 2), (0, 0)):
        with pytest.raises(UsageError):
            render_slice(image(np.zeros((2, 3))), index, axis=axis)


def test_png_comes_back():
    grey = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(grey)))), grey)
    colour = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(encode_png(colour[:, ::-1])))), colour[:, ::-1]
    )
    assert Image.open(io.BytesIO(encode_png(grey, longest=15))).size == (15, 10)
    assert Image.open(io.BytesIO(encode_png(grey, longest=999))).size == (30, 20)
