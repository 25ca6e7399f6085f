from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from medsiam.cases import read_case_table
from medsiam.errors import UsageError
from medsiam.phantoms.cases import write_cases
from medsiam.phantoms.phantom import make_phantom


def write(folder: Path, **changes: object) -> Path:
    arguments: dict[str, object] = {
        "spatial_dims": 2,
        "conditions": ["thin shell", "dumbbell"],
        "n_patients": 2,
        "random_state": 7,
    }
    return write_cases(folder, **(arguments | changes))


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_case_table_is_one_that_medsiam_reads(tmp_path):
    table = read_case_table(write(tmp_path, studies_per_patient=2))
    assert [row.condition for row in table.rows] == ["thin shell"] * 4 + ["dumbbell"] * 4
    assert len({row.patient_id for row in table.rows}) == 4
    assert len({row.case_id for row in table.rows}) == 8
    assert table.notices == ()
    for row in table.rows:
        assert row.path.is_file()
        assert row.proof == "none"
        assert row.licence == "Apache-2.0"
        assert row.modality == "DX"
        assert "synthetic" in row.source


@pytest.mark.parametrize("dims", [2, 3])
def test_each_row_is_the_phantom_it_says(tmp_path, dims):
    table = write(tmp_path, spatial_dims=dims, n_patients=1, studies_per_patient=2)
    for number, row in enumerate(rows(table)):
        made = make_phantom(
            row["condition"],
            spatial_dims=dims,
            patient_id=row["patient_id"],
            random_state=7,
            study=number % 2,
        )
        np.testing.assert_array_equal(nibabel.load(tmp_path / row["path"]).get_fdata(), made.array)


@pytest.mark.parametrize("dims", [2, 3])
def test_dicom_form_writes_a_file_or_a_series(tmp_path, dims):
    table = write(tmp_path, spatial_dims=dims, n_patients=1, form="dicom")
    for row in rows(table):
        path = tmp_path / row["path"]
        slices = sorted(path.iterdir()) if dims == 3 else [path]
        assert len(slices) >= (40 if dims == 3 else 1)
        for one in slices:
            assert pydicom.dcmread(one, stop_before_pixels=True).PatientID == row["patient_id"]


def test_the_same_seed_gives_the_same_files_and_another_seed_other_patients(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write(tmp_path / name, random_state=seed)
    a, b, c = (files(tmp_path / name) for name in "abc")
    assert len(a) == 5
    assert a == b
    assert not (set(a.values()) & set(c.values()))


def test_patients_are_unique_across_conditions_dims_and_seeds(tmp_path):
    seen: list[str] = []
    for number, changes in enumerate(
        [{}, {"spatial_dims": 3}, {"random_state": 8}, {"conditions": ["crescent"]}]
    ):
        table = write(tmp_path / str(number), n_patients=1, **changes)
        seen += [row["patient_id"] for row in rows(table)]
    assert len(set(seen)) == len(seen) == 7
    assert all(patient.startswith("SYN-") for patient in seen)


def test_a_patient_stays_the_same_whatever_else_is_written(tmp_path):
    few = write(tmp_path / "few", conditions=["dumbbell"], n_patients=1)
    many = write(tmp_path / "many", conditions=["thin shell", "dumbbell"], n_patients=2)
    wanted = rows(few)[0]
    assert wanted in rows(many)
    assert (few.parent / wanted["path"]).read_bytes() == (many.parent / wanted["path"]).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conditions": ["thin shel"]}, r"unknown conditions \['thin shel'\]; known: solid mass"),
        ({"conditions": ["dumbbell", "dumbbell"]}, "one of them twice"),
        ({"conditions": []}, "conditions: none"),
        ({"n_patients": 0}, "n_patients must be 1 to 999"),
        ({"studies_per_patient": 0}, "studies_per_patient must be 1 or more"),
        ({"form": "png"}, 'form must be "dicom" or "nifti"'),
        ({"spatial_dims": 4}, "spatial_dims must be 2 or 3"),
    ],
)
def test_wrong_arguments_are_said(tmp_path, change, message):
    with pytest.raises(UsageError, match=message):
        write(tmp_path, **change)
