"""grey.js in the browser, against pydicom."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from medsiam import Scan
from tests.scans.written import dataset
from viewer.volume import document

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def pydicoms(function, center, width):
    """0 ... 255 for 0 ... 4095."""
    ds = dataset(
        RAMP, BitsStored=12, HighBit=11, PixelRepresentation=0, RescaleSlope=1, RescaleIntercept=0
    )
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, function
    with np.errstate(over="ignore"):  # e to the power of much: white or black
        return apply_voi_lut(apply_modality_lut(RAMP, ds), ds).ravel() * (255 / 4095)


def volume(values=RAMP, **facts) -> dict:
    return document(Scan(values.astype(np.float32), 2, **facts))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (40, 80), (1000, 2), (300.5, 33)])
def test_each_function_gives_pydicoms_greys(modules, function, center, width):
    said = volume(window=(center, width), voi_function=function)
    table = modules("grey", "greyTable", {"center": center, "width": width}, said)
    greys = np.array(table[32768 : 32768 + 4096]) & 0xFF
    assert np.abs(greys - pydicoms(function, center, width)).max() <= 0.51


def test_a_width_of_one_is_a_step_after_the_standard(modules):
    said = volume(window=(100.0, 1.0), voi_function="LINEAR")
    how = {"center": 100, "width": 1}
    # C.11.2.1.2.1: x <= c - 0.5 is black, x > c - 0.5 is white.
    levels = [modules("grey", "levelOf", value, how, said) for value in (99, 99.4, 99.6, 100)]
    assert levels == [0, 0, 255, 255]


def test_narrow_windows_of_fractions_stay_windows(modules):
    said = volume(np.linspace(0, 1, 64).reshape(8, 8))
    how = {"center": 0.5, "width": 0.5}
    for value, grey in ((0.2, 0), (0.25, 0), (0.5, 127.5), (0.75, 255)):
        assert modules("grey", "levelOf", value, how, said) == pytest.approx(grey)


def test_relative_windows_are_the_same_part_of_each_scan(modules):
    one, other = volume(), volume(10 * RAMP.astype(np.float32))
    window = {"center": 1000, "width": 500}
    rule = modules("grey", "ruleOf", window, one, True)
    back = modules("grey", "resolved", rule, one)
    assert (back["center"], back["width"]) == pytest.approx((1000, 500))
    there = modules("grey", "resolved", rule, other)
    assert (there["center"], there["width"]) == pytest.approx((10000, 5000), rel=1e-3)


def test_hounsfield_units_share_values_and_other_greys_percentiles(modules):
    ct = volume(modality="CT", window=(40.0, 400.0), presets=(("", 40.0, 400.0),))
    mr = volume(modality="MR")
    choices = modules("grey", "windowChoices", ct, ct)
    assert choices[0]["query"] == choices[0]["match"]
    assert choices[0]["query"] == {"kind": "values", "center": 40, "width": 400}
    assert {"lung", "bone", "brain", "soft tissue"} <= {choice["name"] for choice in choices}
    first = modules("grey", "windowChoices", mr, mr)[0]
    assert first["query"] == first["match"] == {"kind": "percent"}
    mixed = modules("grey", "windowChoices", ct, mr)
    assert all(choice["match"]["kind"] != "values" for choice in mixed)


def test_a_drag_changes_width_sideways_and_centre_upwards(modules):
    start = {"center": 50, "width": 600}
    wider = modules("grey", "draggedWindow", start, 30, 0, volume())
    assert (wider["center"], wider["width"] > 600) == (50, True)
    darker = modules("grey", "draggedWindow", start, 0, 30, volume())
    assert (darker["center"] > 50, darker["width"]) == (True, 600)
    assert modules("grey", "draggedWindow", start, -9999, 0, volume())["width"] > 0
