"""What tells pictures at one position apart: image type, echo, time, diffusion, acquisition."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from medsiam.scans.dicom.elements import numbers, words

# b-values that makers keep to themselves: Siemens, GE (plus a flag of 10^9), Philips.
PRIVATE_B_VALUES = (0x0019100C, 0x00431039, 0x20011003)
_GE_FLAG = 1_000_000_000
_CLOCKS = ("AcquisitionDateTime", "AcquisitionTime", "FrameAcquisitionDateTime", "ContentTime")


@dataclass(frozen=True)
class Marks:
    """What a picture says of its place in a series that holds several volumes.

    Attributes:
        image_type: values of ImageType (or FrameType), and magnitude or phase.
        recon: convolution kernel and slice thickness, as written.
        stack: StackID.
        echo: EchoTime in ms, else EchoNumbers.
        time: TemporalPositionIdentifier (or TemporalPositionIndex).
        diffusion: b-value and gradient direction.
        trigger: TriggerTime in ms.
        acquisition: AcquisitionNumber.
        clock: when it was acquired, as a number that grows within a day.
        instance: InstanceNumber (or the number of the frame).
    """

    image_type: tuple[str, ...] = ()
    recon: tuple[str, ...] = ()
    stack: tuple[str, ...] = ()
    echo: float | None = None
    time: float | None = None
    diffusion: tuple[float, ...] | None = None
    trigger: float | None = None
    acquisition: float | None = None
    clock: float | None = None
    instance: float | None = None

    @property
    def order(self) -> tuple[float, ...]:
        """What sorts volumes forward in time; -1 stands for what is not known."""
        known = (self.time, self.acquisition, self.instance, self.clock)
        return tuple(-1.0 if value is None else value for value in known)


def marks_of(*datasets: Dataset, instance: float | None = None) -> Marks:
    """Return the marks that stand in the first of `datasets` that has each.

    Args:
        datasets: a header, or the functional groups of a frame.
        instance: number of the frame, where it is one of several.
    """

    def text(*keywords: str) -> tuple[str, ...]:
        return next((v for k in keywords for d in datasets if (v := words(d, k))), ())

    def number(*keywords: str | int) -> float | None:
        for keyword in keywords:
            for dataset in datasets:
                if found := numbers(dataset, keyword):
                    return found[0]
        return None

    b_value = number("DiffusionBValue", *PRIVATE_B_VALUES)
    directions = (numbers(d, "DiffusionGradientOrientation", 3) for d in datasets)
    direction = next(filter(None, directions), ())
    return Marks(
        image_type=(*text("ImageType", "FrameType"), *text("ComplexImageComponent")),
        recon=(*text("ConvolutionKernel"), *text("SliceThickness")),
        stack=text("StackID"),
        echo=number("EchoTime", "EffectiveEchoTime", "EchoNumbers"),
        time=number("TemporalPositionIdentifier", "TemporalPositionIndex"),
        diffusion=None if b_value is None else (b_value % _GE_FLAG, *direction),
        trigger=number("TriggerTime"),
        acquisition=number("AcquisitionNumber", "FrameAcquisitionNumber"),
        clock=number(*_CLOCKS),
        instance=number("InstanceNumber") if instance is None else instance,
    )
