"""Against pydicom's `apply_voi_lut` on whole files, read back through the only door."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from medsiam.scans import read_scan
from medsiam.scans.dicom.header import header_of
from medsiam.scans.dicom.pixels import pictures
from tests.scans.written import dataset, head_of

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def table_item(entries, first=0, bits=8, name="SOFT"):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTExplanation = name
    item.add_new("LUTData", "OW", np.asarray(entries).astype("<u2").tobytes())
    return item


def written(tmp_path, stored=RAMP, **elements):
    path = tmp_path / "one.dcm"
    elements.setdefault("PixelRepresentation", 0)
    ds = dataset(stored, BitsStored=12, HighBit=11, **elements)
    ds.save_as(path, enforce_file_format=True)
    return path


def shown_by_pydicom(path, bits):
    """0 ... 255 as pydicom renders it: modality, then VOI, then photometric interpretation."""
    ds = dcmread(path)
    values = apply_modality_lut(ds.pixel_array, ds).astype(np.int64)  # whole, but as float
    out = apply_voi_lut(values, ds) * (255 / (2**bits - 1))
    return 255 - out if ds.PhotometricInterpretation == "MONOCHROME1" else out


def looked_up(scan):
    """By a plain loop over the values."""
    table = scan.voi_table
    greys = []
    for value in scan.array.T.ravel():
        place = min(max(int(value - table.first), 0), len(table.levels) - 1)
        greys.append(table.levels[place])
    return np.reshape(greys, scan.array.T.shape)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("count", "first", "bits", "intercept"), [(256, 500, 8, 0), (3000, 100, 12, 0), (700, 0, 16, 9)]
)
def test_a_table_gives_pydicoms_greys(tmp_path, photometric, count, first, bits, intercept):
    curve = (2**bits - 1) * np.linspace(0, 1, count) ** 2.2
    # pydicom counts places of an 8-bit table in 8 bits, so values behind its end come round again.
    stored = np.minimum(RAMP, first + count - 1 if bits == 8 else 4095)
    path = written(
        tmp_path,
        stored.astype(np.uint16),
        PhotometricInterpretation=photometric,
        RescaleSlope=1,
        RescaleIntercept=intercept,
        VOILUTSequence=[table_item(curve.round(), first, bits)],
    )
    scan = read_scan(path)
    assert scan.voi_table.name == "SOFT"
    assert np.abs(looked_up(scan) - shown_by_pydicom(path, bits)).max() <= 0.51


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_function_of_the_file(tmp_path, function):
    path = written(tmp_path, WindowCenter=40, WindowWidth=80, VOILUTFunction=function)
    assert read_scan(path).voi_function == function.strip().upper()


@pytest.mark.parametrize("said", [{}, {"VOILUTFunction": "CUBIC"}])
def test_what_is_not_said_is_linear_and_without_a_table(tmp_path, said):
    scan = read_scan(written(tmp_path, WindowCenter=40, WindowWidth=80, **said))
    assert (scan.voi_function, scan.voi_table) == ("LINEAR", None)


def test_the_most_specific_group_counts():
    group, frame = Dataset(), Dataset()
    group.WindowCenter, group.WindowWidth, group.VOILUTFunction = 5, 6, "SIGMOID"
    frame.FrameVOILUTSequence = [group]
    ds = dataset(RAMP, VOILUTFunction="LINEAR_EXACT", PerFrameFunctionalGroupsSequence=[frame])
    (one,) = pictures(ds, header_of(head_of(ds), "a.dcm"))
    assert one.voi.function == "SIGMOID"


@pytest.mark.parametrize("broken", ["LUTDescriptor", "LUTData"])
def test_a_broken_table_is_none_and_the_picture_is_there(tmp_path, broken):
    item = table_item(range(256))
    del item[broken]
    scan = read_scan(written(tmp_path, VOILUTSequence=[item]))
    assert scan.voi_table is None
    assert scan.array.shape == (64, 64)


def test_the_display_changes_no_content(tmp_path):
    plain = read_scan(written(tmp_path)).content_hash
    item = table_item(range(256))
    other = read_scan(written(tmp_path, VOILUTSequence=[item], VOILUTFunction="SIGMOID"))
    assert other.content_hash == plain
