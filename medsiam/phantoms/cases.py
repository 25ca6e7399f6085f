"""Write many phantoms and the case table that lists them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from medsiam.errors import UsageError
from medsiam.phantoms.dicom import write_dicom
from medsiam.phantoms.lesions import CONDITIONS
from medsiam.phantoms.nifti import write_nifti
from medsiam.phantoms.phantom import Phantom, make_phantom

COLUMNS = ("path", "condition", "patient_id", "proof", "licence", "source", "modality")
SYNTHETIC_SOURCE = "medsiam phantoms (synthetic)"
_MAX_PATIENTS = 999


def write_cases(
    folder: Path | str,
    *,
    spatial_dims: int,
    conditions: Sequence[str],
    n_patients: int,
    random_state: int,
    form: Literal["dicom", "nifti"] = "nifti",
    studies_per_patient: int = 1,
) -> Path:
    """Write `n_patients` phantoms of each condition, and a case table beside them.

    Patients are the same for the same `random_state`, condition and number, whatever else is
    written; no two of them share a `patient_id`.

    Args:
        folder: made where needed; gets `cases.csv` and `scans/`.
        spatial_dims: 2 for radiographs, 3 for CT volumes.
        conditions: some of `CONDITIONS`.
        n_patients: of each condition, at most 999.
        random_state: seed.
        form: one .nii.gz for each study, or DICOM (one file, or one folder with a series).
        studies_per_patient: studies of the same lesion, imaged anew.

    Returns:
        The case table; its paths are relative to it.

    Raises:
        UsageError: an unknown condition, one given twice, a number out of range, or an unknown
            form.
    """
    if form not in ("dicom", "nifti"):
        raise UsageError(f'form must be "dicom" or "nifti", got {form!r}')
    if studies_per_patient < 1:
        raise UsageError(f"studies_per_patient must be 1 or more, got {studies_per_patient}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    patients = patients_of(
        conditions,
        n_patients=n_patients,
        prefix=f"SYN-{spatial_dims}D-{random_state}",
    )
    table = folder / "cases.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for patient_id, condition in patients:
            for study in range(studies_per_patient):
                phantom = make_phantom(
                    condition,
                    spatial_dims=spatial_dims,
                    patient_id=patient_id,
                    random_state=random_state,
                    study=study,
                )
                writer.writerow(_row(phantom, _write(phantom, folder, form)))
    return table


def patients_of(
    conditions: Sequence[str], *, n_patients: int, prefix: str
) -> list[tuple[str, str]]:
    """Return (patient_id, condition) for `n_patients` of each condition."""
    unknown = sorted(set(conditions) - set(CONDITIONS))
    if unknown or not conditions or len(set(conditions)) < len(conditions):
        problem = f"unknown conditions {unknown}" if unknown else "none, or one of them twice"
        raise UsageError(f"conditions: {problem}; known: {', '.join(CONDITIONS)}")
    if not 1 <= n_patients <= _MAX_PATIENTS:
        raise UsageError(f"n_patients must be 1 to {_MAX_PATIENTS}, got {n_patients}")
    return [
        (f"{prefix}-{CONDITIONS.index(condition) + 1:02d}{number:03d}", condition)
        for condition in conditions
        for number in range(1, n_patients + 1)
    ]


def _write(phantom: Phantom, folder: Path, form: str) -> str:
    """Write one study; return its path relative to `folder`."""
    name = f"{phantom.patient_id}-study{phantom.study + 1}"
    if form == "nifti":
        path = write_nifti(phantom, folder / "scans" / f"{name}.nii.gz")
    else:
        path = write_dicom(phantom, folder / "scans" / name)
    return path.relative_to(folder).as_posix()


def _row(phantom: Phantom, path: str) -> dict[str, str]:
    return {
        "path": path,
        "condition": phantom.condition,
        "patient_id": phantom.patient_id,
        "proof": "none",
        "licence": "Apache-2.0",
        "source": SYNTHETIC_SOURCE,
        "modality": phantom.modality,
    }
