from __future__ import annotations

import numpy as np
import pytest

from medsiam.scans.dicom.padding import without_padding
from tests.scans.written import dataset

STORED = np.asarray([[-2000, -2000, -1000], [0, 500, 3000]], np.int16)


def dark(values, ds, *, is_negative=False):
    return without_padding(values, np.asarray(ds.pixel_array), ds, is_negative=is_negative)


def test_padding_below_all_tissue_becomes_the_lowest_tissue():
    found, n = dark(STORED * 2.0, dataset(STORED, PixelPaddingValue=-2000))
    assert n == 2
    assert found.tolist() == [[-2000, -2000, -2000], [0, 1000, 6000]]


def test_padding_in_a_picture_that_is_shown_inverted_is_dark_too():
    found, n = dark(STORED * 1.0, dataset(STORED, PixelPaddingValue=-2000), is_negative=True)
    assert n == 2
    assert found[0].tolist() == [3000, 3000, -1000]


def test_a_range_of_padding():
    stored = np.asarray([[60000, 65535, 10], [20, 30, 40]], np.uint16)
    ds = dataset(stored, PixelPaddingValue=60000, PixelPaddingRangeLimit=65535)
    found, n = dark(stored * 1.0, ds)
    assert n == 2
    assert found.tolist() == [[10, 10, 10], [20, 30, 40]]


def test_padding_within_the_tissue_is_left():
    """MR often names 0 as padding, which is its background as well."""
    stored = np.asarray([[0, 0, 1], [5, 900, 1000]], np.uint16)
    found, n = dark(stored * 1.0, dataset(stored, PixelPaddingValue=0))
    assert n == 0
    assert found.tolist() == stored.tolist()


@pytest.mark.parametrize("value", [None, 17])
def test_no_padding_at_all(value):
    _, n = dark(STORED * 1.0, dataset(STORED, PixelPaddingValue=value))
    assert n == 0


def test_all_padding_stays():
    stored = np.full((2, 2), -2000, np.int16)
    _, n = dark(stored * 1.0, dataset(stored, PixelPaddingValue=-2000))
    assert n == 0


def test_a_value_written_as_unsigned_is_meant_as_signed():
    ds = dataset(STORED)
    ds.add_new("PixelPaddingValue", "US", 65536 - 2000)
    assert dark(STORED * 1.0, ds)[1] == 2
