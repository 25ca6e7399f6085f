"""Expert masks of the case table, brought to the grid that the network sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from medsiam.cases import CaseRow
from medsiam.errors import CaseTableError, EncoderMismatchError, ScanError
from medsiam.preprocessing import Recipe, prepare
from medsiam.scans import read_scan
from medsiam.scans.scan import Scan

_FAULTS_SHOWN = 20


def prepare_masks(
    rows: Sequence[CaseRow],
    recipe: Recipe,
    *,
    structures: Sequence[str],
    advance: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Read every row's mask and prepare it as its scan is prepared.

    Args:
        rows: at least one, with `mask_path`.
        recipe: of the scans.
        structures: names of the labels 1, 2, ...
        advance: called after each row.

    Returns:
        (n, *spatial_size) uint8: 0 for the background, k for the k-th structure.

    Raises:
        CaseTableError: lists every row without a mask, with a mask that cannot be read, of
            another shape than its scan, or with labels that `structures` does not name.
    """
    masks: list[torch.Tensor] = []
    faults: list[str] = []
    for row in rows:
        try:
            scan, labels = _read(row, structures)
            masks.append(_prepare(scan, labels, recipe, n_labels=len(structures)))
        except (ScanError, EncoderMismatchError, CaseTableError) as error:
            faults.append(f"line {row.row}: {error}")
        advance()
    if faults:
        shown = faults[:_FAULTS_SHOWN]
        if len(faults) > len(shown):
            shown.append(f"and {len(faults) - len(shown)} more")
        raise CaseTableError(
            f"{len(faults)} of {len(rows)} masks cannot be used; mend them or leave their lines "
            "out: " + "; ".join(shown)
        )
    return torch.stack(masks)


def check_masks(rows: Sequence[CaseRow]) -> None:
    """Refuse rows without a mask before anything long begins.

    Raises:
        CaseTableError: lists the lines.
    """
    faults = []
    for row in rows:
        if row.mask_path is None:
            faults.append(f"line {row.row}: {row.path_text} has no mask_path")
        elif not row.mask_path.is_file():
            faults.append(f"line {row.row}: the mask {row.mask_path.name} does not exist")
    if faults:
        raise CaseTableError("the anatomy backbone learns from masks: " + "; ".join(faults[:20]))


def _lies_alike(scan: Scan, mask: Scan) -> bool:
    """Whether the axes of both run the same way in the patient, as far as that is known.

    Masks are often saved without a true affine (the identity), which says nothing.
    """
    if scan.affine is None or mask.affine is None or np.allclose(mask.affine, np.eye(4)):
        return True
    ours, theirs = (np.asarray(affine)[:3, :3] for affine in (scan.affine, mask.affine))
    along = (ours * theirs).sum(axis=0)
    lengths = np.linalg.norm(ours, axis=0) * np.linalg.norm(theirs, axis=0)
    return bool((along > 0.9 * lengths).all())


def _read(row: CaseRow, structures: Sequence[str]) -> tuple[Scan, NDArray[np.int64]]:
    """Return the scan and the labels of its voxels."""
    if row.mask_path is None:
        raise CaseTableError(
            f"{row.path_text} has no mask_path; the anatomy backbone learns from masks"
        )
    if not row.mask_path.is_file():
        raise CaseTableError(f"the mask {row.mask_path.name} does not exist")
    scan, mask = read_scan(row.path), read_scan(row.mask_path)
    name = row.mask_path.name
    if not _lies_alike(scan, mask):
        raise CaseTableError(
            f"the mask {name} runs another way than its scan (axes of their affines differ); "
            "bring both to one orientation"
        )
    if mask.array.shape != scan.spatial_shape:
        raise CaseTableError(
            f"the mask {name} has {mask.array.shape} voxels, its scan {scan.spatial_shape}"
        )
    labels = np.rint(mask.array)
    if not np.array_equal(labels, mask.array):
        raise CaseTableError(f"the mask {name} holds values that are no whole numbers")
    strange = sorted({int(k) for k in np.unique(labels)} - set(range(len(structures) + 1)))
    if strange:
        raise CaseTableError(
            f"the mask {name} holds label {', '.join(map(str, strange))}; encoder.anatomy names "
            f"{len(structures)} structures: {', '.join(structures)}"
        )
    return scan, labels.astype(np.int64)


def _prepare(
    scan: Scan, labels: NDArray[np.int64], recipe: Recipe, *, n_labels: int
) -> torch.Tensor:
    """Resample each label's share of the voxels, then take the largest; the scan's geometry."""
    as_is = recipe.model_copy(
        update={"intensity": "window", "intensity_range": (0.0, 1.0), "in_channels": 1}
    )
    shares = torch.cat(
        [
            prepare(replace(scan, array=(labels == k).astype(np.float32)), as_is)
            for k in range(1, n_labels + 1)
        ]
    )
    background = 1 - shares.sum(dim=0, keepdim=True)
    return torch.cat([background, shares]).argmax(dim=0).to(torch.uint8)
