from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medsiam.scans.dicom.header import read_header
from medsiam.scans.dicom.marks import Marks, marks_of
from tests.scans.written import dataset

PIXELS = np.zeros((2, 2), np.uint16)


def test_marks_of_a_header():
    ds = dataset(
        PIXELS,
        ImageType=["ORIGINAL", "PRIMARY", "M"],
        EchoTime=4.604,
        EchoNumbers=2,
        TemporalPositionIdentifier=3,
        DiffusionBValue=1000.0,
        DiffusionGradientOrientation=[0.0, 0.0, 1.0],
        TriggerTime=120.5,
        ConvolutionKernel="B30f",
        SliceThickness=3,
        AcquisitionTime="101530.5",
        AcquisitionNumber=4,
        InstanceNumber=17,
    )
    assert marks_of(ds) == Marks(
        image_type=("ORIGINAL", "PRIMARY", "M"),
        recon=("B30f", "3.0"),
        echo=4.604,
        time=3,
        diffusion=(1000, 0, 0, 1),
        trigger=120.5,
        acquisition=4,
        clock=101530.5,
        instance=17,
    )


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x0019100C, "IS", "1000"),
        (0x00431039, "IS", ["1000001000", "8", "0", "0"]),
        (0x20011003, "FL", 1000.0),
    ],
)
def test_b_values_that_makers_keep_to_themselves(tmp_path, tag, vr, value):
    ds = dataset(PIXELS)
    ds.add_new(tag, vr, value)
    ds.save_as(tmp_path / "a", enforce_file_format=True)
    assert read_header(tmp_path / "a").marks.diffusion == (1000,)


def test_nothing_said_is_nothing_marked():
    assert marks_of(dataset(PIXELS)) == Marks()


def test_the_first_group_that_has_a_value_gives_it():
    own, shared = Dataset(), Dataset()
    own.TemporalPositionIndex = 2
    shared.TemporalPositionIndex, shared.EffectiveEchoTime = 9, 30.0
    shared.FrameType = ["ORIGINAL", "P"]
    marks = marks_of(own, shared, instance=5)
    assert (marks.time, marks.echo, marks.instance) == (2, 30, 5)
    assert marks.image_type == ("ORIGINAL", "P")
