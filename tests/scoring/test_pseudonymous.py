"""A whole run under pseudonyms: nothing of what was planted is in any byte of its output."""

from __future__ import annotations

import base64
import json
import shutil
from html import unescape

import pyarrow.parquet as pq
import pydicom
import pytest
from pydicom.datadict import DicomDictionary

from medsiam.errors import UsageError
from medsiam.reports import Pseudonyms
from medsiam.scans import index_folder
from medsiam.scoring import Shard, StudyObjects, merge_runs, run_scoring, watch_folder
from tests.reports.dicom_tools import faults, report_text
from tests.scoring.conftest import TWO, read_csv

pytest.importorskip("highdicom", reason="needs the extra pacs")

KEY = b"a key that no output may ever hold, in any form"
WORD = "PLANTED"
ROOT = "1.2.826.0.1.3680043.10.4711"
TIMES = {"DA": "19571231", "TM": "075309.417", "DT": "19571231075309.417", "AS": "087Y"}
TEXTS = {"LO", "SH", "PN", "LT", "ST", "UT", "UC"}
GROUPS = {0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040}
CLASSES = {"SOPClassUID", "MediaStorageSOPClassUID", "TransferSyntaxUID"}


def plant(ds, names):
    """Identity into every element of these groups that can hold one, whether it was there or not.

    `names` gives each UID of the input its planted one.
    """
    for tag, (vr, _, _, retired, keyword) in DicomDictionary.items():
        if retired or tag >> 16 not in GROUPS or not keyword:
            continue
        if vr in TEXTS:
            setattr(ds, keyword, f"{WORD}{tag:08X}")
        elif vr in TIMES:
            setattr(ds, keyword, TIMES[vr])
        elif vr == "UI" and keyword not in CLASSES and "Class" not in keyword:
            old = str(ds.get(keyword, "")) or keyword
            setattr(ds, keyword, names.setdefault(old, f"{ROOT}.{len(names) + 1}"))
    ds.FrameOfReferenceUID = names.setdefault("frame", f"{ROOT}.{len(names) + 1}")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID


@pytest.fixture(scope="module")
def planted(incoming, tmp_path_factory):
    """The incoming folder with identity in headers, names of folders and names of files."""
    folder = tmp_path_factory.mktemp("in") / f"{WORD}^ROOT"
    names = {}
    shutil.copytree(incoming, folder)
    for number, place in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for path in sorted(place.rglob("IM*")):
            raw = path.read_bytes()
            ds = pydicom.dcmread(path)
            is_whole = len(ds.get("PixelData", b"")) == ds.Rows * ds.Columns * 2
            plant(ds, names)
            ds.PatientID = f"{WORD}-{number}"
            target = path.with_name(f"{WORD}^{path.name}.dcm")
            ds.save_as(target)
            if not is_whole:
                target.write_bytes(target.read_bytes()[: -len(raw) // 3])
            path.unlink()
        place.rename(folder / f"{WORD} {number}")
    return folder


def scored(folder, bank, out, key=KEY, **options):
    index = index_folder(folder)
    made = None if key is None else Pseudonyms(key)
    objects = StudyObjects(out, bank, made)
    settings = {"limits": TWO, "reports": True, "extras": [objects], **options}
    return run_scoring(index, bank, out, pseudonyms=made, **settings)


@pytest.fixture(scope="module")
def first(phantom_bank, planted, tmp_path_factory):
    out = tmp_path_factory.mktemp("pseudonymous") / "out"
    return out, scored(planted, phantom_bank, out)


def everything(out):
    """All names and all bytes of a folder, with what Parquet packs."""
    said = [str(path.relative_to(out)).encode() for path in out.rglob("*")]
    said += [path.read_bytes() for path in out.rglob("*") if path.is_file()]
    return b"\n".join(
        [*said, json.dumps(pq.read_table(out / "results.parquet").to_pylist()).encode()]
    )


def test_nothing_that_was_planted_is_in_the_output(first, planted):
    out, counts = first
    assert counts.outcomes == {"scored": 2, "skipped": 2, "failed": 1}
    said = everything(out)
    for secret in (WORD, ROOT, "19571231", "075309", "087Y", str(planted.parent)):
        assert secret.encode() not in said
        assert secret.encode("utf-16-le") not in said
    for form in (KEY, KEY.hex().encode(), base64.b64encode(KEY), KEY[:32]):
        assert form not in said


def test_without_pseudonyms_the_same_plants_are_found(planted, phantom_bank, tmp_path):
    """What the test above looks for is there to be found."""
    scored(planted, phantom_bank, tmp_path / "out", key=None)
    said = everything(tmp_path / "out")
    for secret in (WORD, ROOT, "19571231", "087Y"):
        assert secret.encode() in said


def test_objects_are_valid_and_tables_name_the_same_study(first, planted):
    out, _ = first
    made = Pseudonyms(KEY)
    source = {
        made.uid(ds.SeriesInstanceUID): ds
        for ds in (pydicom.dcmread(path, force=True) for path in planted.rglob("*IM0002.dcm"))
    }
    for row in (row for row in read_csv(out / "results.csv") if row["rank"] == "1"):
        original = source[row["series_uid"]]
        found = list((out / "dicom" / row["query"]).glob("*.dcm"))
        assert len(found) == 2
        for path in found:
            assert faults(path) == []
            ds = pydicom.dcmread(path)
            assert ds.StudyInstanceUID == made.uid(original.StudyInstanceUID)
            issuer = str(original.IssuerOfPatientID)
            assert ds.PatientID == made.word("patient", original.PatientID, issuer)
            if ds.Modality == "SR":
                assert "medsiam verdict" in report_text(path)
                used = ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
                assert used.SeriesInstanceUID == row["series_uid"]


def test_each_file_is_accounted_for_under_the_pseudonym_of_its_path(first, planted):
    out, _ = first
    made = Pseudonyms(KEY)
    paths = [path for path in planted.rglob("*") if path.is_file()]
    expected = {made.path(str(path.relative_to(planted))) for path in paths}
    rows = read_csv(out / "manifest.csv")
    assert len(rows) == len(paths)
    assert {row["path"] for row in rows} == expected


def test_the_same_key_makes_the_same_output_and_another_key_another(
    first, planted, phantom_bank, tmp_path
):
    out, _ = first

    def objects(folder):
        return {path.name: path.read_bytes() for path in folder.glob("dicom/*/*.dcm")}

    assert scored(planted, phantom_bank, out, resume=True).n_new == 0
    scored(planted, phantom_bank, tmp_path / "again")
    assert objects(tmp_path / "again") == objects(out)
    scored(planted, phantom_bank, tmp_path / "other", key=KEY[::-1])
    assert not objects(tmp_path / "other").keys() & objects(out).keys()
    files = ("manifest.csv", "results.csv")
    columns = {"path", "series_uid", "query_patient_id"}
    for name in files:
        for mine, theirs in zip(
            *(read_csv(folder / name) for folder in (out, tmp_path / "other")), strict=True
        ):
            shared = {n for n in columns & mine.keys() if mine[n] and mine[n] == theirs[n]}
            assert not shared


@pytest.mark.parametrize("key", [None, KEY[::-1]], ids=["plain", "another key"])
@pytest.mark.parametrize("resume", [True, False])
def test_other_pseudonyms_or_none_are_not_mixed_in(first, planted, phantom_bank, key, resume):
    out, _ = first
    before = everything(out)
    with pytest.raises(UsageError, match="without these pseudonyms"):
        scored(planted, phantom_bank, out, key=key, resume=resume)
    assert everything(out) == before


def test_what_may_be_plain_is_not_mixed_in_either(planted, phantom_bank, tmp_path):
    out = tmp_path / "out"
    (out / "outbox").mkdir(parents=True)
    (out / "outbox" / "a.dcm").write_bytes(b"x")
    with pytest.raises(UsageError, match="without these pseudonyms"):
        scored(planted, phantom_bank, out)


def test_shards_under_one_key_join_and_others_do_not(first, planted, phantom_bank, tmp_path):
    out, _ = first
    for number, key in ((1, KEY), (2, KEY), (3, KEY[::-1])):
        shard = Shard(min(number, 2), 2)
        scored(planted, phantom_bank, tmp_path / str(number), key=key, shard=shard, reports=False)
    merge_runs([tmp_path / "1", tmp_path / "2"], tmp_path / "all")
    assert (tmp_path / "all" / "manifest.csv").read_bytes() == (out / "manifest.csv").read_bytes()
    with pytest.raises(UsageError, match="key of the pseudonyms"):
        merge_runs([tmp_path / "1", tmp_path / "3"], tmp_path / "none")


def test_pictures_that_may_show_a_name_are_withheld_and_said(planted, phantom_bank, tmp_path):
    folder = shutil.copytree(planted, tmp_path / "in")
    for path in folder.rglob("*.dcm"):
        if WORD in path.name:
            ds = pydicom.dcmread(path)
            ds.BurnedInAnnotation = "YES"
            ds.save_as(path)
    out = tmp_path / "out"
    counts = scored(folder, phantom_bank, out)
    written = [pydicom.dcmread(path).Modality for path in out.glob("dicom/*/*.dcm")]
    assert written == ["SR"] * counts.outcomes["scored"]
    notes = [path.read_text() for path in (*out.glob("dicom/*.txt"), *out.glob("reports/*.html"))]
    assert len(notes) == 2 * counts.outcomes["scored"]
    assert all("may show the patient's name" in unescape(note) for note in notes)
    assert not any("<img" in note or "base64" in note for note in notes)
    assert scored(folder, phantom_bank, out).n_new == 0


def test_the_dictionary_was_planted_as_far_as_it_goes(planted):
    ds = next(pydicom.dcmread(path) for path in planted.rglob("*IM0002.dcm"))
    assert sum(WORD in str(element.value) for element in ds) > 250


def watched(folder, bank, out, key=KEY):
    made = None if key is None else Pseudonyms(key)
    done = []
    watch_folder(
        folder,
        bank,
        out,
        limits=TWO,
        quiet_seconds=0.0,
        reports=True,
        extras=[StudyObjects(out, bank, made)],
        pseudonyms=made,
        refreshed=lambda: done.append(len(read_csv(out / "manifest.csv"))),
        until=lambda: bool(done) and done[-1] == sum(path.is_file() for path in folder.rglob("*")),
    )


def test_a_watched_folder_has_the_same_pseudonyms(first, planted, phantom_bank, tmp_path):
    folder = shutil.copytree(planted, tmp_path / planted.name)
    out = tmp_path / "out"
    watched(folder, phantom_bank, out)
    said = everything(out)
    for secret in (WORD, ROOT, "19571231", "075309", "087Y"):
        assert secret.encode() not in said
    assert (out / "manifest.csv").read_bytes() == (first[0] / "manifest.csv").read_bytes()
    with pytest.raises(UsageError, match="without these pseudonyms"):
        watched(folder, phantom_bank, out, key=None)
    gone = next(path for path in folder.iterdir() if path.is_dir())
    shutil.rmtree(gone)
    (folder / f"{WORD}.txt").write_text("new")
    rows = read_csv(out / "manifest.csv")
    kept = {row["path"] for row in rows if row["series"]}
    done = []
    watch_folder(
        folder,
        phantom_bank,
        out,
        limits=TWO,
        quiet_seconds=0.0,
        reports=True,
        pseudonyms=Pseudonyms(KEY),
        refreshed=lambda: done.append(1),
        until=lambda: bool(done),
    )
    assert kept <= {row["path"] for row in read_csv(out / "manifest.csv")}  # what is gone stays
    assert WORD.encode() not in everything(out)
