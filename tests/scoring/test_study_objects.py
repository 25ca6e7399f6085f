from __future__ import annotations

import shutil
import zipfile

import pydicom
import pytest

from medsiam.scans import index_folder
from medsiam.scoring import StudyObjects, named_series, run_scoring
from tests.scoring.conftest import TWO

pytest.importorskip("highdicom", reason="needs the extra pacs")


def scored(folder, bank, out):
    index = index_folder(folder)
    objects = StudyObjects(out, bank)
    return run_scoring(index, bank, out, limits=TWO, extras=[objects])


def studies(folder):
    """Folder's name -> the studies that the objects in it are filed under, by class."""
    return {
        place.name: {
            (found.SOPClassUID.name, found.StudyInstanceUID, found.PatientID)
            for found in map(pydicom.dcmread, sorted(place.glob("*.dcm")))
        }
        for place in (folder / "dicom").iterdir()
        if place.is_dir()
    }


@pytest.fixture(scope="module")
def first(phantom_bank, incoming, tmp_path_factory):
    out = tmp_path_factory.mktemp("sr") / "out"
    return out, scored(incoming, phantom_bank, out)


def test_each_scored_series_has_both_objects_in_its_own_study(first, phantom_bank, incoming):
    out, counts = first
    written = studies(out)
    assert len(written) == counts.outcomes["scored"] == 2
    source = {
        named.name: pydicom.dcmread(named.found.files[0], stop_before_pixels=True)
        for named in named_series(index_folder(incoming), phantom_bank)
        if named.name in written
    }
    for name, objects in written.items():
        kinds = {kind for kind, _, _ in objects}
        assert len(kinds) == 2
        assert any("SR" in kind for kind in kinds)
        assert {study for _, study, _ in objects} == {source[name].StudyInstanceUID}
        assert {patient for _, _, patient in objects} == {source[name].PatientID}


def test_twice_writes_nothing_and_what_is_gone_is_written_again(first, phantom_bank, incoming):
    out, _ = first
    before = studies(out)
    assert scored(incoming, phantom_bank, out).n_new == 0
    gone = next(place for place in (out / "dicom").iterdir() if place.is_dir())
    uids = {path.name for path in gone.iterdir()}
    shutil.rmtree(gone)
    assert scored(incoming, phantom_bank, out).n_new == 1
    assert {path.name for path in gone.iterdir()} == uids
    assert studies(out) == before


def test_series_in_an_archive_have_theirs_too(first, phantom_bank, incoming, tmp_path):
    out, _ = first
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "all.zip", "w") as archive:
        for file in incoming.rglob("*"):
            if file.is_file():
                archive.write(file, file.relative_to(incoming))
    scored(tmp_path / "in", phantom_bank, tmp_path / "out")
    assert sorted(map(sorted, studies(tmp_path / "out").values())) == sorted(
        map(sorted, studies(out).values())
    )


def test_a_header_without_a_study_costs_its_own_objects_only(phantom_bank, incoming, tmp_path):
    copy = shutil.copytree(incoming, tmp_path / "in")
    index = index_folder(copy)
    named = named_series(index, phantom_bank)
    series = next(one for one in named if getattr(one.found, "spatial_dims", None) == 3)
    for file in series.found.files:
        dataset = pydicom.dcmread(file)
        del dataset.StudyInstanceUID
        dataset.save_as(file)
    counts = scored(copy, phantom_bank, tmp_path / "out")
    assert counts.outcomes["scored"] == 2
    assert len(studies(tmp_path / "out")) == 1
    (why,) = (tmp_path / "out" / "dicom").glob("*.txt")
    assert why.read_text().startswith("no result in DICOM")
    assert str(series.found.path.name) not in why.read_text()
    assert scored(copy, phantom_bank, tmp_path / "out").n_new == 0
