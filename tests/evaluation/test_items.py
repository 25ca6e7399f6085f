"""Rows of a table joined to cases: order of phases, what is missing, what is not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsiam.cases import CaseRow
from medsiam.errors import NothingToDoError, UsageError
from medsiam.evaluation import join_cases, select_rows
from medsiam.evaluation.items import check_columns, join_patients


def row(number, path, condition="HCM", **more):
    more = {"case_id": path, "patient_id": f"SECRET{number}", **more}
    return CaseRow(
        row=number, path=Path("/data") / path, path_text=path, condition=condition, **more
    )


def heart(number, phase, **more):
    path = f"{number}_{phase}"
    return row(number, path, case_id=f"heart{number}", phase=phase, **more)


def embed(rows):
    """Paths and one recognisable vector each."""
    return [r.path_text for r in rows], np.arange(len(rows) * 2, dtype=np.float32).reshape(-1, 2)


def test_scans_of_a_case_are_joined_in_phase_order():
    rows = [heart(1, "ES"), heart(2, "ED"), heart(1, "ED"), heart(2, "ES")]
    items = join_cases(rows, *embed(rows))
    np.testing.assert_array_equal(items.embeddings, [[4, 5, 0, 1], [2, 3, 6, 7]])
    assert items.conditions == ("HCM", "HCM")
    assert items.subjects == ("patient:SECRET1", "patient:SECRET2")
    assert items.n_scans == (2, 2)
    assert items.notices == ()


def test_the_order_of_the_embeddings_does_not_matter():
    rows = [row(i, f"{i}.png") for i in range(4)]
    paths, vectors = embed(rows)
    items = join_cases(rows, paths[::-1], vectors[::-1])
    np.testing.assert_array_equal(items.embeddings, vectors)


def test_a_scan_without_embedding_takes_its_case_out_with_a_notice():
    rows = [heart(1, "ED"), heart(1, "ES"), heart(2, "ED"), heart(2, "ES")]
    paths, vectors = embed(rows)
    items = join_cases(rows, paths[:3], vectors[:3])
    assert len(items.embeddings) == 1
    (notice,) = items.notices
    assert "1 scan of the table without an embedding: 1 case left out" in notice
    assert "2_ES" not in notice
    assert items.left_out == ("without an embedding: 2_ES",)
    assert "SECRET" not in notice


def test_a_case_with_other_phases_is_left_out_with_a_notice():
    rows = [heart(1, "ED"), heart(1, "ES"), heart(2, "ED"), heart(2, "ES"), heart(3, "ED")]
    items = join_cases(rows, *embed(rows))
    assert items.embeddings.shape == (2, 4)
    (notice,) = items.notices
    assert "1 case left out: most cases" in notice
    assert "heart3" not in notice
    assert items.left_out == ("left out for their phases: heart3",)
    assert "phase ED + ES" in notice
    assert "SECRET" not in notice


def test_rows_that_stand_alone_are_counted():
    rows = [
        row(1, "a", patient_id=None),
        row(2, "b", patient_id=None, group="smear"),
        row(3, "c"),
    ]
    items = join_cases(rows, *embed(rows))
    assert items.subjects == ("case:a", "group:smear", "patient:SECRET3")
    (notice,) = items.notices
    assert notice.startswith("1 of 3 cases have neither patient_id nor group")


def test_one_row_that_names_the_patient_is_enough():
    rows = [heart(1, "ED", patient_id=None), heart(1, "ES")]
    items = join_cases(rows, *embed(rows))
    assert items.subjects == ("patient:SECRET1",)
    assert items.notices == ()


def test_training_rows_are_said():
    rows = [row(1, "a", split="train"), row(2, "b", split="test")]
    assert "1 of 2 cases are marked split = train" in join_cases(rows, *embed(rows)).notices[0]


def test_embeddings_of_another_table_are_refused():
    rows = [row(i, f"{i}.png") for i in range(9)]
    paths, vectors = embed(rows)
    with pytest.raises(UsageError, match=r"7 of 9 .*2\.png.*6\.png, and 2 more"):
        join_cases(rows[:2], paths, vectors)
    assert len(join_cases(rows[:2], paths, vectors, table=rows).embeddings) == 2


def test_embeddings_that_contradict_themselves_are_refused():
    rows = [row(1, "a"), row(2, "b")]
    same = np.ones((2, 3), np.float32)
    assert len(join_cases(rows[:1], ["a", "a"], same).embeddings) == 1
    with pytest.raises(UsageError, match="a twice"):
        join_cases(rows[:1], ["a", "a"], np.arange(6, dtype=np.float32).reshape(2, 3))
    with pytest.raises(UsageError, match="one each"):
        join_cases(rows, ["a"], same)


def test_no_complete_case_is_nothing_to_do():
    with pytest.raises(NothingToDoError, match="none of the table's cases"):
        join_cases([row(1, "a")], [], np.empty((0, 3), np.float32))


def test_rows_are_selected_by_condition_and_split():
    rows = [row(1, "a", "HCM", split="train"), row(2, "b", "RV", split="val"), row(3, "c", "DCM")]
    assert select_rows(rows) == tuple(rows)
    assert select_rows(rows, conditions=["RV", "DCM"]) == tuple(rows[1:])
    assert select_rows(rows, conditions=["RV", "DCM"], splits=["val"]) == (rows[1],)
    with pytest.raises(UsageError, match="condition 'HCN'; did you mean HCM"):
        select_rows(rows, conditions=["HCN"])
    with pytest.raises(UsageError, match="split 'x'; there are: train, val"):
        select_rows(rows, splits=["x"])


def test_rows_of_a_patient_are_joined_without_a_case_id():
    rows = [row(i, f"{i}", patient_id=p) for i, p in enumerate(("p", "q", "p", "q"))]
    rows = [replace(r, extra=(("phase", "ES" if i < 2 else "ED"),)) for i, r in enumerate(rows)]
    items = join_cases(join_patients(rows), *embed(rows), columns=("phase", "site"))
    np.testing.assert_array_equal(items.embeddings, [[4, 5, 0, 1], [6, 7, 2, 3]])
    assert items.paths == (("2", "0"), ("3", "1"))
    assert items.facts == {"phase": ("ED + ES", "ED + ES"), "site": (None, None)}


def test_patients_that_cannot_be_joined_are_not_named():
    rows = [row(1, "a", patient_id="SECRET"), row(2, "b", patient_id="SECRET")]
    with pytest.raises(UsageError, match="b and a are of one patient, but of one phase") as caught:
        join_patients(rows)
    assert "SECRET" not in str(caught.value)
    with pytest.raises(UsageError, match=r"needs a patient in every row; 1 have none \(a\)"):
        join_patients([row(1, "a", patient_id=None)])


def test_rows_are_filtered_by_any_column():
    rows = [row(1, "a", extra=(("view", "AP"),)), row(2, "b", extra=(("view", "L"),)), row(3, "c")]
    assert select_rows(rows, filters={"view": ("AP",)}) == (rows[0],)
    with pytest.raises(UsageError, match="no row has the view 'PA'; there are: AP, L"):
        select_rows(rows * 2, filters={"view": ("PA",)})


def test_values_that_may_tell_of_patients_are_not_listed():
    rows = [row(i, f"{i}", notes="SECRET", extra=(("born", f"SECRET{i}"),)) for i in range(9)]
    with pytest.raises(UsageError, match=r"no row has the born 'SECRET'$"):
        select_rows(rows, filters={"born": ("SECRET",)})
    with pytest.raises(UsageError, match="not chosen by notes"):
        select_rows(rows, filters={"notes": ("x",)})
    many = [row(i, f"{i}", extra=(("site", f"{i % 8}"),)) for i in range(40)]
    with pytest.raises(UsageError, match=r"there are: 0, 1, 2, 3, 4, and 3 more$"):
        select_rows(many, filters={"site": ("x",)})


def test_an_unknown_column_is_refused_with_the_nearest_one():
    rows = [row(1, "a", source="x", extra=(("view", "AP"),))]
    check_columns(rows, ["view", "source"])
    with pytest.raises(UsageError, match=r"no row .* column 'veiw'; did you mean view"):
        check_columns(rows, ["veiw"])


def test_a_sample_is_drawn_from_all_cases():
    rows = [row(i, f"{i}") for i in range(30)]
    items = join_cases(rows, *embed(rows))
    assert len(set(items.sample(10, random_state=0))) == 10
    assert items.sample(99, random_state=0) == tuple(range(30))
