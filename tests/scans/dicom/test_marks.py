from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

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
        AcquisitionNumber=4,
        InstanceNumber=17,
    )
    assert marks_of(ds) == Marks(
        ("ORIGINAL", "PRIMARY", "M"), 4.6, 3, (1000, 0, 0, 1), 120.5, 4, 17
    )


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
