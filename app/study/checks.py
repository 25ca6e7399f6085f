"""What was found while a study was opened, step by step, and whether one may go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from medsiam import ReferenceBank, Scan
from medsiam.comparison import check_scope
from medsiam.scans import WARNINGS

Step = Literal["unpack", "group", "geometry", "pixels", "identity", "scope"]
Level = Literal["fine", "note", "warning", "refused"]

STEPS: dict[Step, str] = {
    "unpack": "Unpack",
    "group": "Group into series",
    "geometry": "Geometry",
    "pixels": "Pixels",
    "identity": "Identity risk",
    "scope": "Scope of the bank",
}
_GEOMETRY = {
    "slice_gap", "gantry_tilt", "resampled", "odd_orientation", "laterality_conflict",
    "sform_qform_disagree", "unusable_affine", "voxel_size_used", "fewer_slices",
}  # fmt: skip
_IDENTITY = {"shows_identity", "burned_in_text"}
_GROUP = {"split_series", "one_of_several", "repeated_slices", "left_out"}
# Said, without asking the reader to decide: nothing that is compared is changed by it.
_HARMLESS = {
    "repeated_slices", "left_out", "odd_character_set", "excess_pixel_data", "gantry_tilt",
    "padding_replaced",
}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One sentence about one step.

    Attributes:
        step: which step found it.
        level: fine or a note goes on by itself; a warning asks the reader; refused ends it.
        sentence: for the reader; nobody's name.
        to_do: what the reader can do, where there is something.
    """

    step: Step
    level: Level
    sentence: str
    to_do: str = ""


def check_scan(scan: Scan, bank: ReferenceBank) -> tuple[Check, ...]:
    """Return what reading a scan has found, from geometry to scope."""
    checks = [_warned(said) for said in scan.warnings]
    checks += [_geometry(scan), _pixels(scan)]
    if not any(check.step == "identity" for check in checks):
        said = "The header does not speak of names in the picture. That is no proof; look at it."
        checks.append(Check("identity", "fine", said))
    return (*checks, *_scope(scan, bank))


def may_go_on(checks: Iterable[Check]) -> bool:
    """Return True where nothing was refused."""
    return not any(check.level == "refused" for check in checks)


def needs_decision(checks: Iterable[Check]) -> bool:
    """Return True where the reader has to decide whether to go on."""
    return any(check.level in ("warning", "refused") for check in checks)


def in_order(checks: Sequence[Check]) -> dict[Step, list[Check]]:
    """Return the checks of each step, each sentence once."""
    return {
        step: list(dict.fromkeys(check for check in checks if check.step == step)) for step in STEPS
    }


def _warned(said: str) -> Check:
    code = getattr(said, "code", "")
    level: Level = "note" if code in _HARMLESS else "warning"
    step: Step = "pixels"
    if code in _GEOMETRY:
        step = "geometry"
    elif code in _IDENTITY:
        step = "identity"
    elif code in _GROUP:
        step = "group"
    remedy = WARNINGS[code].remedy if code in WARNINGS else ""
    return Check(step, level, _sentence(said), "" if level == "note" else _sentence(remedy))


def _geometry(scan: Scan) -> Check:
    size = " x ".join(str(n) for n in scan.spatial_shape)
    if scan.spacing is None:
        said = f"{size} pixels; their size in mm is not known, so there is no ruler."
    else:
        said = f"{size}, {' x '.join(f'{mm:.3g}' for mm in scan.spacing)} mm."
    return Check("geometry", "fine" if scan.spacing else "note", said)


def _pixels(scan: Scan) -> Check:
    kind = "colour" if scan.array.ndim > scan.spatial_dims else "grey"
    low, high = float(scan.array.min()), float(scan.array.max())
    if low == high:
        return Check("pixels", "warning", "Every pixel has the same value: there is no picture.")
    return Check("pixels", "fine", f"Whole; {kind} values from {low:.4g} to {high:.4g}.")


def _scope(scan: Scan, bank: ReferenceBank) -> list[Check]:
    scope = check_scope([scan.modality], [scan.body_part], bank.cases)
    checks = [Check("scope", "note", note) for note in scope.notes]
    if scope.fault is not None:
        to_do = "Open a scan of the bank's kind; distances to this one would mean nothing."
        checks.append(Check("scope", "warning", scope.fault, to_do))
    elif not scope.notes:
        checks.append(Check("scope", "fine", "It is of the kind that this bank holds."))
    return checks


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
