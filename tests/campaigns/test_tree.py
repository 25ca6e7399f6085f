from __future__ import annotations

from tests.campaigns import tree


def test_every_damaged_file_is_reported_and_the_rest_is_grouped(tmp_path):
    written = tree.write_tree(tmp_path, 1000)
    assert set(written.damaged.values()) == set(tree.DAMAGE)
    found = tree.check(tmp_path, written)
    assert found["grouped_right"] == found["good"] == 990
    assert found["reported"] == found["damaged"] == 10
    assert found["wrongly_reported"] == 0
    took = tree.timed(tmp_path, 1)
    # A loose bound, for a busy machine: the campaign has the figure.
    assert took["ratio_of_medians"] < 5
    assert tree.peak_memory(tmp_path) < tree.MOST_BYTES


def test_a_file_that_is_not_reported_would_be_seen(tmp_path):
    written = tree.write_tree(tmp_path, 200)
    series = next(iter(written.series.values()))
    stranger = series.pop()
    written.damaged[stranger] = "nothing wrong"
    found = tree.check(tmp_path, written)
    assert found["reported"] == found["damaged"] - 1
    assert found["grouped_right"] < found["good"]
    assert found["codes"]["nothing wrong"] == {"NOT REPORTED": 1}
