from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.cases import group_cases, read_case_table
from medsiam.errors import CaseTableError


def write(folder: Path, text: str, *files: str) -> Path:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    table = folder / "cases.csv"
    table.write_text(text, encoding="utf-8")
    return table


def test_paths_are_relative_to_the_table_and_label_stands_for_condition(tmp_path):
    table = write(tmp_path, "path,label,patient_id\nscans/a.nii.gz,LAM,p1\n", "scans/a.nii.gz")
    (row,) = read_case_table(table).rows
    assert row.path == tmp_path / "scans/a.nii.gz"
    assert (row.condition, row.case_id, row.row) == ("LAM", "scans/a", 2)
    assert row.subject == "patient:p1"


def test_an_absolute_path_stays(tmp_path):
    (tmp_path / "far").mkdir()
    scan = tmp_path / "far" / "b.png"
    scan.write_bytes(b"x")
    table = write(tmp_path, f"path,condition\n{scan},X\n")
    assert read_case_table(table).rows[0].path == scan


def test_a_path_outside_the_tables_folder_names_no_folder(tmp_path):
    for folder in ("Smith_John", "Doe_Jane", "table"):
        (tmp_path / folder / "own").mkdir(parents=True)
        (tmp_path / folder / "own" / "scan.png").write_bytes(b"x")
    john, jane = (tmp_path / name / "own" / "scan.png" for name in ("Smith_John", "Doe_Jane"))
    inside = tmp_path / "table" / "own" / "scan.png"
    text = f"path,condition,case_id\n{john},X,\n{jane},X,\n{inside},X,\nown/scan.png,Y,scan (2)\n"
    rows = read_case_table(write(tmp_path / "table", text)).rows
    assert [row.case_id for row in rows] == ["scan", "scan (3)", "own/scan", "scan (2)"]
    assert [row.path for row in rows] == [john, jane, inside, inside]


@pytest.mark.parametrize("up", ["../Smith_John/a.png", "{}/table/../Smith_John/a.png"])
def test_a_way_up_and_out_of_the_tables_folder_names_no_folder(tmp_path, up):
    for folder in ("Smith_John", "table"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Smith_John" / "a.png").write_bytes(b"x")
    table = write(tmp_path / "table", f"path,condition\n{up.format(tmp_path)},X\n")
    assert read_case_table(table).rows[0].case_id == "a"


def test_the_same_absolute_path_twice_is_one_case_and_refused(tmp_path):
    scan = tmp_path / "scan.png"
    scan.write_bytes(b"x")
    (tmp_path / "table").mkdir()
    table = write(tmp_path / "table", f"path,condition\n{scan},X\n{scan},X\n")
    with pytest.raises(CaseTableError, match=r"case scan \(lines 2, 3\)"):
        read_case_table(table)


def test_group_takes_the_place_of_an_empty_patient_and_rows_alone_are_said(tmp_path):
    text = "path,condition,patient_id,group\na.png,X,,smear1\nb.png,X,,\n"
    table = read_case_table(write(tmp_path, text, "a.png", "b.png"))
    assert [row.subject for row in table.rows] == ["group:smear1", "case:b"]
    assert any("1 of 2 rows have neither" in notice for notice in table.notices)


def test_further_columns_are_ignored_with_a_notice(tmp_path):
    table = read_case_table(write(tmp_path, "path,condition,colour\na.png,X,red\n", "a.png"))
    assert table.notices[0] == "columns not used: colour"


def test_byte_order_mark_blank_lines_and_spaces_do_no_harm(tmp_path):
    table = write(tmp_path, "\ufeffpath, condition ,patient_id\n\n a.png , LAM , p1 \n", "a.png")
    (row,) = read_case_table(table).rows
    assert (row.path_text, row.condition, row.patient_id) == ("a.png", "LAM", "p1")


def test_rows_of_one_case_are_joined_in_phase_order(tmp_path):
    text = (
        "path,condition,case_id,phase,patient_id\n"
        "b.png,X,c1,ES,p1\na.png,X,c1,ED,p1\nd.png,Y,c2,ED,p2\n"
    )
    rows = read_case_table(write(tmp_path, text, "a.png", "b.png", "d.png")).rows
    joined = [[row.phase for row in members] for members in group_cases(rows)]
    assert joined == [["ED", "ES"], ["ED"]]


def test_without_case_id_a_phase_joins_nothing_and_that_is_said(tmp_path):
    text = "path,condition,patient_id,phase\na.png,X,p1,ED\nb.png,X,p1,ES\n"
    table = read_case_table(write(tmp_path, text, "a.png", "b.png"))
    assert [(row.case_id, row.phase) for row in table.rows] == [("a", ""), ("b", "")]
    assert "each scan is a case of its own" in table.notices[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path,patient_id\na.png,p\n", "column condition missing"),
        ("condition\nX\n", "column path missing"),
        ("", "column path and condition missing"),
        ("path,condition\n", "no row below the header"),
        ("path,condition\nnowhere.png,X\n", "line 2: nowhere.png does not exist"),
        ("path,condition\na.png,\n", "line 2: condition is empty"),
        ("path,condition\n,X\n", "line 2: path is empty"),
        ("path,condition,case_id,phase\na.png,X,c,1\na.png,Y,c,2\n", "several conditions"),
        (
            "path,condition,case_id,phase,patient_id\na.png,X,c,1,p\na.png,X,c,2,q\n",
            "several patients",
        ),
        ("path,condition,case_id\na.png,X,c\na.png,X,c\n", "need different phases"),
    ],
)
def test_each_fault_is_named(tmp_path, text, expected):
    with pytest.raises(CaseTableError, match=expected):
        read_case_table(write(tmp_path, text, "a.png"))


def test_all_faults_come_at_once_and_a_long_list_is_cut(tmp_path):
    rows = "".join(f"missing{i}.png,X\n" for i in range(30))
    with pytest.raises(CaseTableError) as caught:
        read_case_table(write(tmp_path, "path,condition\n" + rows))
    assert "line 2: missing0.png" in str(caught.value)
    assert "line 3: missing1.png" in str(caught.value)
    assert str(caught.value).endswith("and 10 more")


def test_a_missing_or_binary_table_is_one_clear_line(tmp_path):
    with pytest.raises(CaseTableError, match="no such file"):
        read_case_table(tmp_path / "none.csv")
    (tmp_path / "cases.csv").write_bytes(b"\xff\xfe\x00\x01path")
    with pytest.raises(CaseTableError, match="not a UTF-8 CSV"):
        read_case_table(tmp_path / "cases.csv")


def test_a_patient_never_appears_in_repr_or_messages(tmp_path):
    text = "path,condition,case_id,phase,patient_id\na.png,X,c,1,SECRET1\na.png,X,c,2,SECRET2\n"
    with pytest.raises(CaseTableError) as caught:
        read_case_table(write(tmp_path, text, "a.png"))
    assert "SECRET" not in str(caught.value)
    row = read_case_table(write(tmp_path, "path,condition,patient_id\na.png,X,SECRET\n")).rows[0]
    assert "SECRET" not in repr(row)


def test_further_columns_are_kept_and_never_printed(tmp_path):
    text = "path,label,patient_id,phase,view,room\na.png,X,p,ED,AP,\n"
    table = read_case_table(write(tmp_path, text, "a.png"))
    (row,) = table.rows
    assert row.extra == (("phase", "ED"), ("view", "AP"))
    assert [row.value(c) for c in ("view", "room", "phase", "condition")] == ["AP", None, "ED", "X"]
    assert "AP" not in repr(row)
    assert "columns not used: view, room" in table.notices
    joined = read_case_table(write(tmp_path, "path,label,case_id,phase\na.png,X,c,ED\n", "a.png"))
    assert (joined.rows[0].phase, joined.rows[0].extra) == ("ED", ())
