from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans import Scan
from medsiam.scans.decode import Request
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.scan import VoiTable
from medsiam.scans.wire import (
    Order,
    answer_of,
    empty_values,
    fault_line,
    order_line,
    order_of,
    scan_answer,
    scan_of,
)

ODD = Path(os.fsdecode(b"M\xfcller\xff.dcm"))
FULL = {
    "spatial_dims": 3,
    "affine": np.diag([0.1, 1 / 3, -7e-9, 1.0]),
    "spacing": (0.1, 1 / 3, 2.0),
    "modality": "MR",
    "body_part": "KNIE",
    "scanner": "MAKER Model 7",
    "patient_id": "p\u00e4 \U0001f600 \udcff",
    "study_uid": "1.2",
    "series_uid": "1.3",
    "sources": (ODD, Path("b")),
    "window": (40.0, 1e-17),
    "photometric": "MONOCHROME2",
    "warnings": (warning("slice_gap", "sp\u00e4t"), "without code"),
}


def carried(scan: Scan) -> Scan:
    line, values = scan_answer(scan)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    document = answer_of(line)
    assert isinstance(document, dict)
    place = empty_values(document)
    place.data.cast("B")[:] = values
    return scan_of(document, place)


def test_every_fact_of_a_scan_arrives():
    array = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    scan = Scan(array=array, **FULL)
    given = {"array", *FULL}
    for field in fields(scan):  # a field this test does not know of is left as it is by default
        if field.name not in given:
            assert getattr(carried(scan), field.name) == getattr(scan, field.name)
    back = carried(scan)
    assert np.array_equal(back.array, array)
    assert back.affine is not None
    assert np.array_equal(back.affine, FULL["affine"])
    for name in set(FULL) - {"affine"}:
        assert getattr(back, name) == FULL[name]
    first, second = back.warnings
    assert isinstance(first, ScanWarning)
    assert first.code == "slice_gap"
    assert type(second) is str


def test_unknown_stays_unknown():
    back = carried(Scan(array=np.zeros((2, 2), np.float32), spatial_dims=2))
    assert (back.affine, back.spacing, back.window, back.sources) == (None, None, None, ())


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
        np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(1, 0, 2),
        np.arange(48, dtype=np.float32).reshape(2, 3, 8)[..., ::2],
        np.arange(24, dtype=np.float32).reshape(2, 3, 4)[:, ::-1],
        np.array([[np.nan, np.inf], [-0.0, 1e-45]], np.float32),
    ],
)
def test_values_arrive_bit_for_bit_in_their_order(array):
    back = carried(Scan(array=array, spatial_dims=array.ndim)).array
    assert back.tobytes() == array.tobytes()
    if array.base is None or (array.base.size == array.size and min(array.strides) > 0):
        assert back.strides == array.strides  # else a copy without the gaps


def test_an_order_arrives():
    request = Request("dicom", Path("here"), (ODD, Path("b")), part=3, allow_resample=True)
    order = Order(request, "/some/\udcff", 61.5)
    line = order_line(order)
    assert line.isascii()
    assert order_of(line) == order


def test_a_fault_arrives():
    error = fault("too_large", ODD, "too much")
    back = answer_of(fault_line(error))
    assert isinstance(back, ScanError)
    assert (back.code, str(back)) == (error.code, str(error))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\x00\xff\n",
        b"words\n",
        b"[" * 2000,
        b'{"fault": {"code": "made_up", "message": "x"}}\n',
        b'{"fault": {"code": "too_large", "message": ["x"]}}\n',
        b'{"fault": 1}\n',
    ],
)
def test_nonsense_is_no_answer(line):
    with pytest.raises((ValueError, KeyError, TypeError, RecursionError)):
        answer_of(line)


@pytest.mark.parametrize(
    "shape",
    [(), (0, 3), (3,), (-1, -1), (1.5, 2), (99999, 99999, 9), ("3", 3), (2, 2, 2, 2, 2)],
)
def test_a_shape_that_no_scan_has_allocates_nothing(shape):
    document = json.loads(json.dumps({"shape": shape, "axes": [0, 1]}))
    with pytest.raises((ValueError, TypeError)):
        empty_values(document)


def test_a_table_of_greys_arrives():
    table = VoiTable("SOFT", -3.0, (0, 100, 255))
    scan = Scan(np.zeros((2, 2), np.float32), 2, voi_function="SIGMOID", voi_table=table)
    assert (carried(scan).voi_table, carried(scan).voi_function) == (table, "SIGMOID")
