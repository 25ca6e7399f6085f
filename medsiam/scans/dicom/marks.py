"""What tells pictures at one position apart: image type, echo, time, diffusion, acquisition."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from medsiam.scans.dicom.elements import numbers, words


@dataclass(frozen=True)
class Marks:
    """What a picture says of its place in a series that holds several volumes.

    Attributes:
        image_type: values of ImageType (or FrameType).
        echo: EchoTime in ms, else EchoNumbers.
        time: TemporalPositionIdentifier (or TemporalPositionIndex).
        diffusion: b-value and gradient direction.
        trigger: TriggerTime in ms.
        acquisition: AcquisitionNumber.
        instance: InstanceNumber (or the number of the frame).
    """

    image_type: tuple[str, ...] = ()
    echo: float | None = None
    time: float | None = None
    diffusion: tuple[float, ...] | None = None
    trigger: float | None = None
    acquisition: float | None = None
    instance: float | None = None


def marks_of(*datasets: Dataset, instance: float | None = None) -> Marks:
    """Return the marks that stand in the first of `datasets` that has each.

    Args:
        datasets: a header, or the functional groups of a frame.
        instance: number of the frame, where it is one of several.
    """

    def number(*keywords: str) -> float | None:
        for keyword in keywords:
            for dataset in datasets:
                if found := numbers(dataset, keyword, 1):
                    return found[0]
        return None

    image_type = next(
        (found for d in datasets for k in ("ImageType", "FrameType") if (found := words(d, k))), ()
    )
    echo = number("EchoTime", "EffectiveEchoTime", "EchoNumbers")
    b_value = number("DiffusionBValue")
    direction = next(
        (v for d in datasets if (v := numbers(d, "DiffusionGradientOrientation", 3))), ()
    )
    return Marks(
        image_type=image_type,
        echo=None if echo is None else round(echo, 2),
        time=number("TemporalPositionIdentifier", "TemporalPositionIndex"),
        diffusion=None if b_value is None else (b_value, *direction),
        trigger=number("TriggerTime"),
        acquisition=number("AcquisitionNumber"),
        instance=number("InstanceNumber") if instance is None else instance,
    )
