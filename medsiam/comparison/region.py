"""A comparison by part of a scan: a box of an image, a slab of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from medsiam.comparison.calibration import newest_calibration
from medsiam.comparison.compare import compare_embedding
from medsiam.comparison.result import Comparison, Rule
from medsiam.errors import EncoderError, UsageError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.encoders import EncoderCard

Box = Sequence[tuple[int, int]]

NOTE = (
    "only the chosen region of the query was compared, with whole cases of the bank: ranks may "
    "help to look, but the bank's limit and its probabilities were measured on whole scans and do "
    "not hold here"
)
_NARROWEST = 2  # voxels
_WHOLE = {"anatomy": "whole structures", "shape": "the whole shape of a mask"}


def check_takes_regions(card: EncoderCard) -> None:
    """Refuse an encoder that measures what a part of a scan does not have.

    Raises:
        EncoderError: it measures whole structures.
    """
    whole = _WHOLE.get(card.architecture.backbone)
    if whole is not None:
        raise EncoderError(
            f"encoder {card.name} measures {whole}, so part of a scan cannot be compared with it; "
            "compare the whole scan"
        )


def crop_region(scan: Scan, box: Box) -> Scan:
    """The part of a scan inside a box, where it lies in the patient.

    Of two made-up lesions in one scan, each asked about by its own box, a crop named as many right
    as the whole scan with all else blurred away, and more in volumes (benchmarks/region.py).

    Args:
        scan: image or volume.
        box: (first, behind the last) voxel along each spatial axis, as stored.

    Raises:
        UsageError: a box that reaches out of the scan, or is less than two voxels wide.
    """
    slices = _slices(box, scan.spatial_shape)
    affine = scan.affine
    if affine is not None:
        start = [0.0 if axis >= len(slices) else float(slices[axis].start) for axis in range(3)]
        affine = affine.copy()
        affine[:3, 3] = affine[:3, :3] @ start + affine[:3, 3]
    return replace(scan, array=np.ascontiguousarray(scan.array[slices]), affine=affine)


def compare_region(
    query: Scan | Sequence[Scan],
    box: Box,
    bank: ReferenceBank,
    *,
    k: int = 5,
    metric: str | None = None,
    rule: Rule | None = None,
    patient_id: str | None = None,
) -> Comparison:
    """Like `compare`, by part of the query.

    Args:
        query: one scan, or the scans of one case in the order of the bank's phases.
        box: see `crop_region`, in voxels of the first scan; the same share of each further one.
        bank: see `compare`, as for all that follow.
        k: matches to list.
        metric: None: as recommended for whole scans.
        rule: what ranks the conditions; "combined" is not to be had, for it needs a calibration.
        patient_id: the query's patient.

    Returns:
        without probabilities; `NOTE` comes first in its notes.

    Raises:
        EncoderError: see `check_takes_regions`.
        UsageError, EncoderMismatchError, BankError: see `compare` and `crop_region`.
    """
    scans = (query,) if isinstance(query, Scan) else tuple(query)
    card = bank.encoder_card
    check_takes_regions(card)
    parts = [crop_region(scan, _same_share(box, scans[0], scan)) for scan in scans]
    calibrated = newest_calibration(bank)
    if metric is None and calibrated is not None:
        metric = calibrated[1].metric
    found = compare_embedding(
        bank.encoder.embed(parts),
        scans,  # the whole ones: copies and the query's own patient are known by them
        bank,
        k=k,
        metric=metric,
        rule=rule,
        patient_id=patient_id,
        calibration=0,
    )
    return replace(found, notes=(NOTE, *found.notes), probability_reason=NOTE)


def _slices(box: Box, shape: tuple[int, ...]) -> tuple[slice, ...]:
    if len(box) != len(shape):
        raise UsageError(f"a region of a {len(shape)}D scan has {len(shape)} sides, not {len(box)}")
    for axis, ((low, high), n) in enumerate(zip(box, shape, strict=True)):
        if not (low >= 0 and low + _NARROWEST <= high <= n):
            raise UsageError(
                f"region from {low} to {high} along axis {axis}: it must lie between 0 and {n}, "
                f"and be at least {_NARROWEST} voxels wide"
            )
    return tuple(slice(low, high) for low, high in box)


def _same_share(box: Box, first: Scan, scan: Scan) -> Box:
    """The box that takes the same share of another scan."""
    _slices(box, first.spatial_shape)
    found = []
    for (low, high), n, m in zip(box, first.spatial_shape, scan.spatial_shape, strict=True):
        start = min(max(0, m - _NARROWEST), round(low * m / n))
        found.append((start, min(m, max(start + _NARROWEST, round(high * m / n)))))
    return found
