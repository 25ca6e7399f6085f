"""How the values of a picture become greys: VOILUTFunction and VOILUTSequence (PS3.3 C.11.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_voi

from medsiam.scans.dicom.elements import text
from medsiam.scans.scan import VoiFunction, VoiTable

_FUNCTIONS: dict[str, VoiFunction] = {
    "LINEAR": "LINEAR",
    "LINEAR_EXACT": "LINEAR_EXACT",
    "SIGMOID": "SIGMOID",
}
_MOST_ENTRIES = 1 << 16


@dataclass(frozen=True)
class Voi:
    """What a header says beside its windows; `table` where it has one that makes sense."""

    function: VoiFunction = "LINEAR"
    table: VoiTable | None = None


PLAIN = Voi()


def voi_of(groups: list[Dataset]) -> Voi:
    """Read it from the most specific group that has it."""
    said = [(text(group, "VOILUTFunction") or "").upper() for group in groups]
    function: VoiFunction = next(
        (_FUNCTIONS[word] for word in said if word in _FUNCTIONS), "LINEAR"
    )
    table = next((table for group in groups if (table := _table(group)) is not None), None)
    return Voi(function, table)


def _function(group: Dataset) -> VoiFunction | None:
    return _FUNCTIONS.get((text(group, "VOILUTFunction") or "").upper())


def _table(group: Dataset) -> VoiTable | None:
    """The first table of the group; a broken one is as none, since the values are still there."""
    try:
        if not group.get("VOILUTSequence"):
            return None
        item = group.VOILUTSequence[0]
        count, first, bits = (int(number) for number in item.LUTDescriptor)
        inputs = np.arange(first, first + (count or _MOST_ENTRIES), dtype=np.int64)
        entries = apply_voi(inputs, group).astype(np.float64)
    except Exception:  # pydicom raises anything when it converts a broken value
        return None
    levels = np.rint(entries * (255 / (2**bits - 1))).clip(0, 255).astype(int)
    return VoiTable(text(item, "LUTExplanation") or "", float(first), tuple(levels.tolist()))
