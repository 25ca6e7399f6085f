"""Copies of one picture: kept on one side of a drawn split, refused in one that was made."""

from __future__ import annotations

import pytest

from medsiam.cases import read_case_table
from medsiam.errors import SplitError
from medsiam.preprocessing import Recipe
from medsiam.training.copies import join_copies, refuse_copies
from medsiam.training.dataset import prepare_parts
from tests.training.shapes import write_cases

RECIPE = Recipe(spatial_dims=2, spatial_size=(24, 24))


def copy_of(folder, name, *others):
    for other in others:
        (folder / other).write_bytes((folder / name).read_bytes())


def parts_of(table, validating):
    """Rows by part: the patients of each shape whose number is in `validating` validate."""
    rows = read_case_table(table).rows
    inside = [row.path.stem.split("-")[1] in validating for row in rows]
    named = {
        "training": [row for row, yes in zip(rows, inside, strict=True) if not yes],
        "validation": [row for row, yes in zip(rows, inside, strict=True) if yes],
    }
    return prepare_parts(named, RECIPE, advance=lambda: None)


def names(scans):
    return [row.path.name for row in scans.rows]


def test_one_picture_in_two_parts_is_refused_and_within_one_part_told(tmp_path):
    table = write_cases(tmp_path, patients=4, scans=1)
    copy_of(tmp_path, "bar-0-0.png", "disc-3-0.png")
    parts = parts_of(table, "0")
    with pytest.raises(SplitError, match=r"line 9 \(disc-3-0.png\).* line 2 \(bar-0-0.png\)"):
        refuse_copies(parts)
    (notice,) = refuse_copies({"training": parts["training"], "pretraining": parts["validation"]})
    assert "line 2" in notice
    assert "secret" not in notice


def test_without_copies_the_draw_stays_as_it_is(tmp_path):
    parts = parts_of(write_cases(tmp_path, patients=4, scans=1), "01")
    assert join_copies(parts) == (parts, ())


def test_all_scans_of_a_copied_subject_validate_in_table_order(tmp_path):
    table = write_cases(tmp_path, patients=5, scans=2)
    copy_of(tmp_path, "bar-1-1.png", "bar-3-0.png")
    copy_of(tmp_path, "bar-3-1.png", "disc-2-0.png")  # a copy of the copy's subject
    parts = parts_of(table, "01")
    joined, (notice,) = join_copies(parts)
    validating = {
        *(f"{shape}-{patient}" for shape in ("bar", "disc", "ring") for patient in (0, 1)),
        "bar-3",
        "disc-2",
    }
    whole = [row.path.name for row in read_case_table(table).rows]
    assert names(joined["validation"]) == [n for n in whole if n[:-6] in validating]
    assert names(joined["training"]) == [n for n in whole if n[:-6] not in validating]
    for scans in joined.values():
        for row, tensor, content in zip(
            scans.rows, scans.tensors, scans.content_hashes, strict=True
        ):
            (at,) = [(part, part.rows.index(row)) for part in parts.values() if row in part.rows]
            assert tensor.equal(at[0].tensors[at[1]])
            assert content == at[0].content_hashes[at[1]]
    assert "line 8 (bar-3-0.png) in training and line 5 (bar-1-1.png) in validation" in notice
    assert "disc-2" not in notice  # it was parted from nothing until the first pair was joined
    assert "secret" not in notice
    assert len(refuse_copies(joined)) == 1  # a notice, no refusal


def test_where_too_few_are_left_to_train_on_the_pair_and_the_condition_are_named(tmp_path):
    table = write_cases(tmp_path, patients=4, scans=1)
    copy_of(tmp_path, "ring-0-0.png", "ring-2-0.png")
    with pytest.raises(SplitError, match=r"ring-2-0.png\) in training and .*too few: ring \(1 tr"):
        join_copies(parts_of(table, "01"))


def test_where_all_are_copies_of_one_picture_nothing_would_be_left(tmp_path):
    table = write_cases(tmp_path, patients=4, scans=1)
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    copy_of(tmp_path, pictures[0], *pictures[1:])
    with pytest.raises(SplitError, match=r"parted copies .* with all of them in validation, "):
        join_copies(parts_of(table, "01"))


def test_what_is_kept_for_pretraining_is_left_alone(tmp_path):
    table = write_cases(tmp_path, patients=5, scans=1)
    copy_of(tmp_path, "bar-0-0.png", "bar-2-0.png")
    parts = parts_of(table, "01")
    more = {**parts, "pretraining": parts["training"]}
    joined, _ = join_copies(more)
    assert joined["pretraining"] is parts["training"]
    with pytest.raises(SplitError):
        refuse_copies(joined)
