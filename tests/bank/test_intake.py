from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsiam.bank import ReferenceBank, add_case_table
from medsiam.cases import CaseTable, read_case_table
from medsiam.errors import BankError, UsageError
from medsiam.scans import read_scan
from tests.bank.samples import make_image
from tests.scans.written import write

PROVEN = {"proof": "histology", "licence": "CC0-1.0"}


def write_png(path: Path, seed: int) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(make_image(seed).array.T.astype(np.uint8)).save(path)


def write_table(folder: Path, *rows: dict[str, str]) -> CaseTable:
    """A table with a readable PNG for each row, unless there is a file of this name already."""
    columns = ["path", "condition", *sorted({key for row in rows for key in row} - {"path"})]
    columns = list(dict.fromkeys(columns))
    for seed, row in enumerate(rows):
        if not (folder / row["path"]).exists():
            write_png(folder / row["path"], seed)
    with (folder / "cases.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows({"condition": "LAM", **row} for row in rows)
    return read_case_table(folder / "cases.csv")


def test_a_table_is_one_version_with_every_fact(bank, tmp_path):
    table = write_table(
        tmp_path,
        {"path": "a.png", "condition": "LAM", "patient_id": "p1", "proof": "genetics"},
        {"path": "b.png", "condition": "PAP", "group": "smear 1", "licence": "CC BY 4.0"},
        {"path": "c.png", "case_id": "third", "source": "ours", "modality": "DX", "notes": "x"},
    )
    steps = []
    intake = add_case_table(
        bank, table, **PROVEN, source="theirs", progress=lambda: steps.append(1)
    )
    assert (intake.added, intake.failed, intake.notices) == (("a", "b", "third"), (), ())
    assert len(steps) == 3
    assert bank.version == 1
    assert bank.versions[-1].why == "from cases.csv"
    a, b, c = bank.cases
    assert [case.proof for case in bank.cases] == ["genetics", "histology", "histology"]
    assert [case.licence for case in bank.cases] == ["CC0-1.0", "CC BY 4.0", "CC0-1.0"]
    assert [case.source for case in bank.cases] == ["theirs", "theirs", "ours"]
    assert (a.patient, b.patient, c.patient) == (
        bank.hash_patient("p1"),
        bank.hash_patient("smear 1"),
        None,
    )
    assert (c.modality, c.notes) == ("DX", "x")
    expected = bank.encoder.embed([read_scan(tmp_path / f"{name}.png") for name in "abc"])
    np.testing.assert_allclose(bank.embeddings, expected, atol=1e-5)


def test_rows_of_one_case_are_joined_in_phase_order(bank, tmp_path):
    table = write_table(
        tmp_path,
        {
            "path": "late.png",
            "case_id": "h1",
            "phase": "ES",
            "patient_id": "1",
            "proof": "consensus",
        },
        {"path": "x.png", "case_id": "h2", "phase": "ED"},
        {"path": "early.png", "case_id": "h1", "phase": "ED"},
        {"path": "y.png", "case_id": "h2", "phase": "ES"},
    )
    assert add_case_table(bank, table, **PROVEN).added == ("h1", "h2")
    first = bank.cases[0]
    assert first.phases == ("ED", "ES")
    assert first.content_hashes[0] == read_scan(tmp_path / "early.png").content_hash
    assert first.patient == bank.hash_patient("1")
    assert first.proof == "consensus"


def test_rows_that_fail_are_reported_and_the_rest_goes_on(bank, tmp_path):
    write_png(tmp_path / "twin.png", 0)  # the picture of a.png
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    table = write_table(
        tmp_path,
        {"path": "a.png"},
        {"path": "text.png"},
        {"path": "empty.png"},
        {"path": "twin.png"},
        {"path": "e.png", "proof": "a guess"},
        {"path": "f.png", "case_id": "f", "phase": "ED"},
        {"path": "g.png"},
    )
    intake = add_case_table(bank, table, **PROVEN)
    assert intake.added == ("a", "g")
    assert [failure.path for failure in intake.failed] == [
        "text.png",
        "empty.png",
        "twin.png",
        "e.png",
        "f.png",
    ]
    codes = [failure.code for failure in intake.failed]
    assert codes[2:] == ["refused"] * 3
    assert codes[:2] != ["refused"] * 2
    said = [failure.message for failure in intake.failed]
    assert "text.png" in said[0]
    assert "as case a" in said[2]
    assert "unknown proof 'a guess'" in said[3]
    assert "phase ED" in said[4]
    assert bank.version == 1


def test_a_case_fails_as_a_whole(bank, tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    table = write_table(
        tmp_path,
        {"path": "good.png", "case_id": "h1", "phase": "ED"},
        {"path": "bad.png", "case_id": "h1", "phase": "ES"},
    )
    intake = add_case_table(bank, table, **PROVEN)
    assert intake.added == ()
    good, bad = intake.failed
    assert (good.path, good.code) == ("good.png", "incomplete_case")
    assert "another scan of case h1" in good.message
    assert bad.path == "bad.png"
    assert bad.code != "incomplete_case"
    assert bank.version == 0
    assert list((bank.path / "scans").iterdir()) == []


def test_an_incomplete_first_case_does_not_decide_for_the_bank(bank, tmp_path):
    both = [
        {"path": f"{case_id}_{phase}.png", "case_id": case_id, "phase": phase}
        for case_id in ("h1", "h2", "h3")
        for phase in ("ED", "ES")
    ]
    table = write_table(tmp_path, *both[1:])
    intake = add_case_table(bank, table, **PROVEN)
    assert intake.added == ("h2", "h3")
    assert "case h1 has phase ES, the other cases have phases ED, ES" in intake.failed[0].message
    only_ed = replace(table, rows=tuple(row for row in table.rows if row.phase == "ED"))
    again = add_case_table(bank, only_ed, **PROVEN)
    assert [failure.code for failure in again.failed] == ["refused", "refused"]


@pytest.mark.parametrize("name", ["proof", "licence"])
def test_a_case_without_provenance_is_refused_and_told_how(name, bank, tmp_path):
    other = {key: value for key, value in PROVEN.items() if key != name}
    table = write_table(tmp_path, {"path": "a.png", name: "none"}, {"path": "b.png"})
    intake = add_case_table(bank, table, **other)
    assert intake.added == ("a",)
    assert intake.failed[0].path == "b.png"
    assert f"case b has no {name}: " in intake.failed[0].message
    assert f"--{name}" in intake.failed[0].message
    assert "an explicit none is allowed" in intake.failed[0].message
    with pytest.raises(BankError, match=rf"no case of .*cases\.csv has a {name}: .*--{name}"):
        add_case_table(bank, replace(table, rows=table.rows[1:]), **other)
    assert getattr(bank.cases[0], name) == "none"


def test_a_proof_that_is_none_of_the_words_is_a_usage_error(bank, tmp_path):
    table = write_table(tmp_path, {"path": "a.png"})
    with pytest.raises(UsageError, match="unknown proof 'hunch'; use one of histology"):
        add_case_table(bank, table, proof="hunch", licence="none")


def test_the_same_table_twice_adds_nothing(bank, tmp_path):
    table = write_table(tmp_path, {"path": "a.png"}, {"path": "b.png"})
    add_case_table(bank, table, **PROVEN)
    again = add_case_table(bank, table, **PROVEN)
    assert again.added == ()
    assert len(again.failed) == 2
    assert bank.version == 1


def test_a_text_that_gives_the_patient_away_is_pointed_out_without_repeating_it(bank, tmp_path):
    table = write_table(
        tmp_path,
        {"path": "patient007_ED.png", "patient_id": "patient007"},
        {"path": "b.png", "patient_id": "patient008", "notes": "twin of patient008"},
        {"path": "c1.png", "patient_id": "1"},
    )
    intake = add_case_table(bank, table, **PROVEN)
    assert len(intake.added) == 3
    assert len(intake.notices) == 1
    assert "in 2 cases" in intake.notices[0]
    assert "patient00" not in intake.notices[0]


def test_no_message_names_the_patient(bank, tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    rows = [
        {"path": "a.png", "proof": "a guess"},
        {"path": "bad.png"},
        {"path": "c.png"},
        {"path": "c.png", "case_id": "again"},
    ]
    table = write_table(tmp_path, *({**row, "patient_id": "MUSTERMANN"} for row in rows))
    intake = add_case_table(bank, table, **PROVEN)
    assert len(intake.failed) == 3
    assert "MUSTERMANN" not in repr(intake) + repr(table)


def test_real_cells_of_one_smear_share_a_patient(medsiam_data, bank):
    table = read_case_table(medsiam_data / "chula_rbc_cells" / "labels.csv", check_files=False)
    smear = [row for row in table.rows if row.group == "smear_691"][:2]
    other = [row for row in table.rows if row.group != "smear_691"][:2]
    chosen = replace(table, rows=(*smear, *other))
    intake = add_case_table(bank, chosen, proof="consensus", licence="CC BY 4.0")
    assert len(intake.added) == 4
    assert not intake.failed
    patients = [case.patient for case in bank.cases]
    assert set(patients[:2]) == {bank.hash_patient("smear_691")}
    assert set(patients[:2]).isdisjoint(patients[2:])
    original = read_scan(smear[0].path)
    np.testing.assert_array_equal(bank.scans(intake.added[0])[0].array, original.array)
    assert len(ReferenceBank.open(bank.path).cases) == 4


def test_site_scanner_date_and_curator_come_from_their_columns(bank, tmp_path):
    told = {"site": "Paris", "scanner": "X 1", "acquired": "1911", "curator": "M. C."}
    table = write_table(tmp_path, {"path": "a.png", **told}, {"path": "b.png"})
    add_case_table(bank, table, **PROVEN, who="curie", why="to test")
    first, second = bank.cases
    assert {name: getattr(first, name) for name in told} == told
    assert {getattr(second, name) for name in told} == {None}
    assert (bank.versions[-1].who, bank.versions[-1].why) == ("curie", "to test")
    listed = write_table(tmp_path, {"path": "c.png", "patient_id": "p-0042", "curator": "p-0042"})
    assert "patient's identifier" in add_case_table(bank, listed, **PROVEN).notices[0]


def test_pictures_that_show_names_are_refused_until_confirmed(bank, tmp_path, monkeypatch):
    for name, seed, how in [
        ("says.dcm", 1, {"BurnedInAnnotation": "YES"}),
        ("may.dcm", 2, {"Modality": "US"}),
        ("fine.dcm", 3, {}),
    ]:
        values = np.random.default_rng(seed).integers(0, 256, (20, 24), dtype=np.uint16)
        write(tmp_path / name, values, **how)
    table = write_table(tmp_path, *({"path": f"{name}.dcm"} for name in ("says", "may", "fine")))
    intake = add_case_table(bank, table, **PROVEN)
    assert intake.added == ("may", "fine")
    assert [(failure.path, failure.code) for failure in intake.failed] == [("says.dcm", "refused")]
    assert intake.notices[0].startswith("pictures of a kind that often shows names")
    assert intake.notices[0].endswith("look at them: may")
    with pytest.raises(UsageError, match="no case x"):
        add_case_table(bank, table, **PROVEN, confirmed=("says", "x"))
    monkeypatch.setattr("medsiam.bank.intake.operating_user", lambda: None)
    with pytest.raises(UsageError, match="give --who"):
        add_case_table(bank, table, **PROVEN, confirmed=("says",))
    again = add_case_table(bank, table, **PROVEN, confirmed=("says", "fine"), who="curie")
    assert again.added == ("says",)
    checked = {case.case_id: case.pixels_checked_by for case in bank.cases}
    assert checked == {"may": None, "fine": None, "says": "curie"}


def test_the_same_picture_under_another_patient_is_named(bank, tmp_path):
    for name in ("a", "b", "c"):
        write_png(tmp_path / f"{name}.png", seed=ord(name))
    Image.open(tmp_path / "b.png").save(tmp_path / "again.jpg", quality=90)
    first = [{"path": f"{n}.png", "condition": "LAM", "patient_id": f"person {n}"} for n in "abc"]
    assert not add_case_table(
        bank, write_table(tmp_path, *first), proof="none", licence="none"
    ).notices
    again = {"path": "again.jpg", "condition": "UIP", "patient_id": "somebody"}
    intake = add_case_table(bank, write_table(tmp_path, again), proof="none", licence="none")
    assert intake.added == ("again",)
    assert "another patient, or of an unknown one: again as b. Look at them" in intake.notices[0]
    bank.remove("again")
    again["patient_id"] = "person b"
    intake = add_case_table(bank, write_table(tmp_path, again), proof="none", licence="none")
    assert intake.notices == ()
