"""The same picture under two names: found before it sits in training and in validation.

    pairs = find_near_duplicates(rows, tensors, content_hashes=hashes, parts=parts)
    notices = refuse_near_duplicates(pairs)

Two scans of different subjects are one picture where their content is equal byte for byte, or
where their thumbnails correlate above `LEAST_LIKENESS`. Scans of one subject may look alike (the
frames of a clip do) and are never compared: no split parts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from medsiam.cases import CaseRow
from medsiam.errors import SplitError

# Measured, scans of different subjects: the likest two of 740 blood cells .953, of 421 chest films
# .966, of 368 ultrasound frames .981, of 1286 adrenal shapes .987, of 170 hippocampi .910, of 196
# hearts .937, of 1797 digits of 8 x 8 pixels .994; two copies of one ultrasound image, cut
# differently, .9993. The same picture with noise of 3 %, or made smaller by a quarter, stays above
# .997 (half of the digits too). A crop, a shift by 2 % or a turn is not found: such copies are no
# more alike than two chest films of different patients.
LEAST_LIKENESS = 0.995

_SIDE = {2: 16, 3: 8}  # of a thumbnail, by spatial dimensions
_ROWS_AT_A_TIME = 1024
_PAIRS_SHOWN = 5

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class DuplicatePair:
    """Two rows of different subjects that show one picture.

    Attributes:
        first, second: in the order of the rows.
        first_part, second_part: parts of the split that they are in.
        likeness: correlation of their thumbnails; 1 where the content is equal byte for byte.
    """

    first: CaseRow
    second: CaseRow
    first_part: str
    second_part: str
    likeness: float

    @property
    def across_parts(self) -> bool:
        """Whether a split parts them, so that validation meets what training has seen."""
        return self.first_part != self.second_part

    @property
    def text(self) -> str:
        """Lines and paths of both; no patient."""
        a, b = self.first, self.second
        conditions = (
            "" if a.condition == b.condition else f", called {a.condition} and {b.condition}"
        )
        return (
            f"line {a.row} ({a.path_text}) in {self.first_part} and line {b.row} ({b.path_text}) "
            f"in {self.second_part}{conditions} (likeness {self.likeness:.4f})"
        )


def find_near_duplicates(
    rows: Sequence[CaseRow],
    tensors: Iterable[torch.Tensor],
    *,
    content_hashes: Sequence[str],
    parts: Sequence[str],
) -> tuple[DuplicatePair, ...]:
    """Find pairs of scans that are one picture, though their subjects differ.

    A scan of one value throughout is like nothing.

    Args:
        rows: n rows, of all parts.
        tensors: n prepared scans, each (channels, *spatial_size), taken one at a time.
        content_hashes: n, of each scan as read.
        parts: n, name of each row's part, such as "training".

    Returns:
        Pairs in the order of their first, then their second row.
    """
    thumbnails = np.stack([_thumbnail(tensor) for tensor in tensors])
    blank = np.asarray(~thumbnails.any(axis=1))
    subjects = np.unique([row.subject for row in rows], return_inverse=True)[1]
    contents = np.unique(np.asarray(content_hashes), return_inverse=True)[1]
    pairs = []
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        block = np.arange(start, min(start + _ROWS_AT_A_TIME, len(rows)))
        likeness = thumbnails[block] @ thumbnails.T
        same_content = np.equal.outer(contents[block], contents)
        likeness[same_content & ~blank[block, None]] = 1.0
        later = np.less.outer(block, np.arange(len(rows)))
        later_and_of_others = later & np.not_equal.outer(subjects[block], subjects)
        found = np.argwhere((likeness >= LEAST_LIKENESS) & later_and_of_others)
        pairs += [
            DuplicatePair(
                rows[start + i], rows[j], parts[start + i], parts[j], min(float(likeness[i, j]), 1)
            )
            for i, j in found
        ]
    return tuple(pairs)


def refuse_near_duplicates(pairs: Sequence[DuplicatePair]) -> tuple[str, ...]:
    """Refuse a split where one picture is in two parts.

    Returns:
        Notices about pairs inside one part, for a person to read: they flatter that part's
        figures, for each finds itself under another name.

    Raises:
        SplitError: names the pairs by line and path, never the patients.
    """
    across = [pair for pair in pairs if pair.across_parts]
    if across:
        raise SplitError(
            f"the same picture is in two parts of the split: {listed_pairs(across)}. If they are "
            "of one patient, give both lines the same patient_id (or group); else leave one out"
        )
    within = [pair for pair in pairs if not pair.across_parts]
    if not within:
        return ()
    return (
        f"the same picture stands under two subjects: {listed_pairs(within)}; give both lines the "
        "same patient_id (or group), or leave one out",
    )


def listed_pairs(pairs: Sequence[DuplicatePair]) -> str:
    """The first pairs in words, and how many more there are; no patient."""
    shown = [pair.text for pair in pairs[:_PAIRS_SHOWN]]
    if len(pairs) > len(shown):
        shown.append(f"and {len(pairs) - len(shown)} more")
    return "; ".join(shown)


def _thumbnail(tensor: torch.Tensor) -> Floats:
    """Grey means over a coarse grid, centred and of length 1; all 0 where nothing varies."""
    grey = tensor.to(torch.float32).mean(dim=0, keepdim=True)[None]
    most = _SIDE[tensor.ndim - 1]
    size = tuple(min(side, most) for side in grey.shape[2:])
    values = functional.interpolate(grey, size=size, mode="area").flatten().double()
    centred = values - values.mean()
    length = float(centred.norm())
    if length <= 1e-5 * float(values.norm()):  # rounding of a constant
        return np.zeros(len(values), np.float32)
    thumbnail: Floats = (centred / length).to(torch.float32).numpy()
    return thumbnail
