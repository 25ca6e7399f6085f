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
)
from medsiam.scans import read_scan


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return read_case_table(write_digits(tmp_path_factory.mktemp("digits")))


def test_every_digit_is_a_case_and_only_alikes_share_a_group(table):
    bundled = load_digits()
    assert [row.condition for row in table.rows] == [f"digit_{digit}" for digit in bundled.target]
    assert not any(row.patient_id for row in table.rows)
    likeness = np.corrcoef(bundled.data)
    grouped = [number for number, row in enumerate(table.rows) if row.group]
    for number in range(len(table.rows)):
        partners = set(np.flatnonzero(likeness[number] > 0.99)) - {number}
        assert bool(partners) == (number in grouped)
        assert all(table.rows[p].subject == table.rows[number].subject for p in partners)
    assert len({row.subject for row in table.rows}) > 1700
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


def test_as_a_module(tmp_path, capsys):
    assert main([str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / "cases.csv")]
    (tmp_path / "file").touch()
    assert main([str(tmp_path / "file")]) == 7
    assert "cannot write digits" in capsys.readouterr().err
