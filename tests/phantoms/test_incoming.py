from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.errors import InvalidDicomError

from medsiam.errors import OutputError, UsageError
from medsiam.phantoms.cases import write_cases
from medsiam.phantoms.incoming import write_incoming
from medsiam.phantoms.lesions import TRAINING_CONDITIONS, UNSEEN_CONDITIONS
from medsiam.phantoms.phantom import make_phantom

SEED = 5
CONDITIONS = UNSEEN_CONDITIONS[:2]


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> list[dict[str, str]]:
    table = write_cases(
        tmp_path_factory.mktemp("bank"),
        spatial_dims=2,
        conditions=CONDITIONS,
        n_patients=1,
        random_state=SEED,
    )
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(bank, tmp_path_factory) -> Path:
    known = make_phantom(
        bank[0]["condition"],
        spatial_dims=2,
        patient_id=bank[0]["patient_id"],
        random_state=SEED,
        study=1,
    )
    target = tmp_path_factory.mktemp("drop") / "incoming"
    # The same seed as the bank: still nobody but the returning patient may be in both.
    written = write_incoming(target, conditions=CONDITIONS, random_state=SEED, returning=[known])
    assert written == target
    return written


@pytest.fixture(scope="module")
def truth(folder) -> list[dict[str, str]]:
    with (folder.parent / "incoming_truth.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def dicom_files(folder: Path) -> dict[Path, pydicom.Dataset]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            try:
                found[path] = pydicom.dcmread(path, stop_before_pixels=True)
            except (InvalidDicomError, EOFError):
                continue
    return found


def test_truth_names_every_series_and_lies_outside(folder, truth):
    headers = dicom_files(folder).values()
    assert {ds.SeriesInstanceUID for ds in headers} == {row["series_uid"] for row in truth}
    assert {ds.Modality for ds in headers} == {"DX", "CT"}
    assert sorted(row["note"] for row in truth) == ["damaged"] + ["new"] * 4 + ["returning"]
    assert {row["condition"] for row in truth} == set(CONDITIONS)
    assert not set(CONDITIONS) & set(TRAINING_CONDITIONS)
    assert not list(folder.rglob("*truth*"))


def test_only_the_returning_patient_is_in_the_bank(bank, truth):
    known = {row["patient_id"] for row in bank}
    assert {row["note"] for row in truth if row["patient_id"] in known} == {"returning"}
    assert len({row["patient_id"] for row in truth}) == len(truth)


def test_names_say_nothing_and_folders_are_nested(folder):
    for path in dicom_files(folder):
        assert path.suffix == ""
        assert len(path.relative_to(folder).parts) >= 3
        assert path.name.startswith("IM")


def test_name_order_is_not_slice_order(folder):
    by_series: dict[Path, list[int]] = {}
    for path, ds in sorted(dicom_files(folder).items()):
        by_series.setdefault(path.parent, []).append(int(ds.InstanceNumber))
    volumes = [numbers for numbers in by_series.values() if len(numbers) > 1]
    assert len(volumes) == 2
    assert all(numbers != sorted(numbers) for numbers in volumes)


def test_exactly_the_damaged_file_lacks_pixels(folder, truth):
    damaged = {row["series_uid"] for row in truth if row["note"] == "damaged"}
    short = set()
    for path, ds in dicom_files(folder).items():
        expected = int(ds.Rows) * int(ds.Columns) * 2
        raw = path.read_bytes()
        start = (
            raw.index(b"\xe0\x7f\x10\x00OW\x00\x00") + 12
        )  # tag, VR and length before the pixels
        assert int.from_bytes(raw[start - 4 : start], "little") == expected
        if len(raw) - start < expected:
            short.add(ds.SeriesInstanceUID)
        else:
            pixels = np.frombuffer(raw, "<u2", offset=start, count=expected // 2)
            assert pixels.std() > 0
    assert short == damaged


def test_junk_of_each_kind_is_there_and_says_synthetic(folder):
    dicom = dicom_files(folder)
    junk = {path for path in folder.rglob("*") if path.is_file()} - set(dicom)
    assert {path.suffix for path in junk} == {".txt", ".csv", ".dcm", ".pdf", ""}
    assert [path.name for path in junk if path.stat().st_size == 0] == ["EMPTY"]
    for path in junk:
        assert not path.stat().st_size or b"SYNTHETIC" in path.read_bytes()
    for ds in dicom.values():
        assert str(ds.PatientName).startswith("SYNTHETIC^SYN-")


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    contents = []
    for name in ("a", "b"):
        folder = write_incoming(
            tmp_path / name, spatial_dims=2, conditions=["crescent"], random_state=1
        )
        contents.append(
            {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        )
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2 + 5  # one new, one damaged, the junk


def test_a_damaged_slice_where_only_volumes_are_asked_for(tmp_path):
    folder = write_incoming(
        tmp_path / "v", spatial_dims=[3], conditions=["crescent"], random_state=1
    )
    found = dicom_files(folder)
    assert {ds.Modality for ds in found.values()} == {"CT"}
    whole = {path.parent: max(f.stat().st_size for f in path.parent.iterdir()) for path in found}
    short = [path for path in found if path.stat().st_size < 0.8 * whole[path.parent]]
    assert len(short) == 1


def test_a_full_folder_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not empty"):
        write_incoming(tmp_path, random_state=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("wrong", [{"spatial_dims": 4}, {"spatial_dims": ()}, {"n_patients": 0}])
def test_wrong_arguments_are_said_before_anything_is_written(tmp_path, wrong):
    with pytest.raises(UsageError):
        write_incoming(tmp_path / "in", random_state=1, **wrong)
    assert not list(tmp_path.iterdir())
