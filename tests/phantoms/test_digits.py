"""The digits on disk are scikit-learn's digits, and their table says what is known of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_digits

from medsiam.cases import read_case_table
from medsiam.phantoms.digits import (
    BASE_DIGITS,
    UNSEEN_DIGITS,
    main,
    write_digits,
    write_glyphs,
)
from medsiam.scans import read_scan


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return read_case_table(write_digits(tmp_path_factory.mktemp("digits")))


def test_every_digit_is_a_case_of_its_own(table):
    bundled = load_digits()
    assert [row.condition for row in table.rows] == [f"digit_{digit}" for digit in bundled.target]
    assert all(row.stands_alone for row in table.rows)
    assert len({row.subject for row in table.rows}) == len(bundled.target)
    assert any("each stands alone" in notice for notice in table.notices)
    assert not any("not used" in notice for notice in table.notices)


def test_images_hold_the_bundled_values(table):
    bundled = load_digits()
    for number in (0, 9, 1796):
        scan = read_scan(table.rows[number].path)
        assert scan.spatial_shape == (8, 8)
        # A scan's first axis runs along image columns, the bundled array's along image rows.
        np.testing.assert_allclose(scan.array.T * 16 / 255, bundled.images[number], atol=0.04)


def test_seven_digits_to_train_on_and_three_to_measure_on(table):
    counts = Counter(row.condition for row in table.rows)
    assert sorted(counts) == sorted(BASE_DIGITS + UNSEEN_DIGITS)
    assert (len(BASE_DIGITS), len(UNSEEN_DIGITS)) == (7, 3)
    assert min(counts.values()) > 170


def test_licence_and_source_go_with_each_image(table):
    assert {row.licence for row in table.rows} == {"CC BY 4.0"}
    assert all("UCI" in (row.source or "") for row in table.rows)


def test_glyphs_are_halves_of_base_digits_in_all_looks(tmp_path):
    rows = read_case_table(write_glyphs(tmp_path, n_groups=5)).rows
    conditions = {row.condition for row in rows}
    assert len(conditions) == 42 * 8 + 2 + 2 + 8 * 4 + 7
    assert len(rows) == 2 * len(conditions)  # two of the five groups each
    assert "glyph_66_turned_2" not in conditions  # a 9
    assert {row.subject for row in rows} == {f"group:group-{i}" for i in range(5)}
    bundled = load_digits()
    images = [bundled.images[bundled.target == digit] for digit in range(7)]
    for name, turn in [
        ("glyph_25_turned_0", lambda x: x),
        ("glyph_25_turned_1", np.rot90),
        ("glyph_25_mirrored_2", lambda x: np.rot90(x, 2)[:, ::-1]),
        ("glyph_22_turned_0", lambda x: x),
    ]:
        upper, lower = int(name[6]), int(name[7])
        for row in (row for row in rows if row.condition == name):
            i = int((row.group or "").removeprefix("group-"))
            joined = np.round(
                np.concatenate([images[upper][i][:4], images[lower][i][4:]]) * 255 / 16
            )
            np.testing.assert_array_equal(read_scan(row.path).array.T, turn(joined))


def test_as_a_module(tmp_path, capsys):
    assert main([str(tmp_path / "out")]) == 0
    tables = [str(tmp_path / "out" / name) for name in ("cases.csv", "glyphs.csv")]
    assert capsys.readouterr().out.split() == tables
    (tmp_path / "file").touch()
    assert main([str(tmp_path / "file")]) == 7
    assert "cannot write digits" in capsys.readouterr().err
