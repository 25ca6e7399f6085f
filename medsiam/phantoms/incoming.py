"""Write a folder of DICOM studies as a hospital would drop it: nested, nameless, with junk."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medsiam.errors import OutputError, UsageError
from medsiam.phantoms.cases import patients_of
from medsiam.phantoms.dicom import series_uid, write_dicom
from medsiam.phantoms.lesions import UNSEEN_CONDITIONS
from medsiam.phantoms.phantom import Phantom, make_phantom

TRUTH_COLUMNS = ("series_uid", "condition", "patient_id", "modality", "note")

_JUNK = {
    "README.txt": b"SYNTHETIC export made by medsiam phantoms.\nNo patient is in here.\n",
    "export.csv": b"series,comment\n1,SYNTHETIC\n",
    "EMPTY": b"",
    "notes.dcm": b"SYNTHETIC: this is text, whatever its name says.\n" * 8,
    "report.pdf": b"%PDF-1.4\n% SYNTHETIC placeholder, not a report\n%%EOF\n",
}


def write_incoming(
    folder: Path | str,
    *,
    spatial_dims: int | Sequence[int] = (2, 3),
    conditions: Sequence[str] = UNSEEN_CONDITIONS,
    n_patients: int = 1,
    random_state: int,
    returning: Sequence[Phantom] = (),
) -> Path:
    """Write new patients, returning ones, junk and one damaged file into `folder`.

    The truth goes to `<folder name>_truth.csv` beside the folder: `series_uid, condition,
    patient_id, modality, note` (note: new, returning or damaged).

    Args:
        folder: must be absent or empty.
        spatial_dims: 2, 3 or both.
        conditions: some of `CONDITIONS`.
        n_patients: new patients of each condition, for each of `spatial_dims`; none of them is in
            a case table that `write_cases` wrote.
        random_state: seed.
        returning: further studies of patients who are known already, such as
            `make_phantom(condition, patient_id=..., study=1, ...)` for a patient of a bank.

    Returns:
        The folder.

    Raises:
        UsageError: an unknown condition or a number out of range.
        OutputError: the folder holds files already.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder} is not empty; choose another folder or empty it")
    dims = (spatial_dims,) if isinstance(spatial_dims, int) else tuple(spatial_dims)
    if not dims or not set(dims) <= {2, 3}:
        raise UsageError(f"spatial_dims must be 2, 3 or both, got {spatial_dims}")
    studies = [(phantom, "returning") for phantom in returning]
    for d in dict.fromkeys(dims):
        studies += [(p, "new") for p in _new(d, conditions, n_patients, random_state)]
    studies.append((_one_more(dims[0], conditions[0], random_state), "damaged"))

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([random_state, len(studies)])
    for number, index in enumerate(rng.permutation(len(studies)), start=1):
        phantom, note = studies[index]
        _drop(phantom, folder / f"{number:08X}" / "00000001", rng, damaged=note == "damaged")
    _write_junk(folder)
    _write_truth(studies, folder.with_name(f"{folder.name}_truth.csv"))
    return folder


def _new(
    spatial_dims: int, conditions: Sequence[str], n_patients: int, random_state: int
) -> list[Phantom]:
    prefix = f"SYN-NEW-{spatial_dims}D-{random_state}"
    return [
        make_phantom(
            condition, spatial_dims=spatial_dims, patient_id=patient_id, random_state=random_state
        )
        for patient_id, condition in patients_of(conditions, n_patients=n_patients, prefix=prefix)
    ]


def _one_more(spatial_dims: int, condition: str, random_state: int) -> Phantom:
    return make_phantom(
        condition,
        spatial_dims=spatial_dims,
        patient_id=f"SYN-NEW-{spatial_dims}D-{random_state}-99999",
        random_state=random_state,
    )


def _drop(phantom: Phantom, folder: Path, rng: np.random.Generator, *, damaged: bool) -> None:
    """Write one series under names that tell neither order nor format."""
    scratch = folder / "scratch"
    written = write_dicom(phantom, scratch)
    files = sorted(written.iterdir()) if written.is_dir() else [written]
    for file, number in zip(files, rng.permutation(len(files)), strict=True):
        file.rename(folder / f"IM{number + 1:04d}")
    shutil.rmtree(scratch)
    if damaged:
        content = (folder / "IM0001").read_bytes()
        (folder / "IM0001").write_bytes(content[: len(content) * 2 // 3])  # ends amid the pixels


def _write_junk(folder: Path) -> None:
    first = min(path for path in folder.iterdir() if path.is_dir())
    for name, content in _JUNK.items():
        (first if name == "notes.dcm" else folder).joinpath(name).write_bytes(content)


def _write_truth(studies: Sequence[tuple[Phantom, str]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        for phantom, note in studies:
            writer.writerow(
                (series_uid(phantom), phantom.condition, phantom.patient_id, phantom.modality, note)
            )
