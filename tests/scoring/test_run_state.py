from __future__ import annotations

from dataclasses import replace

import pytest

from medsiam.scoring import Question, Shard
from medsiam.scoring.run_state import new_state, read_state, write_state


@pytest.fixture
def state(phantom_bank, tmp_path):
    return new_state(
        phantom_bank,
        Question(),
        tmp_path / "DOE^JOHN",
        shard=Shard(1, 2),
        tree="t",
        n_series=3,
        n_files=7,
    )


def test_it_comes_back_as_it_was_written_and_names_no_folder(state, tmp_path):
    write_state(state, tmp_path)
    assert read_state(tmp_path) == state
    assert "DOE" not in (tmp_path / "run.json").read_text()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"folder": 1}'])
def test_what_is_no_run(tmp_path, content):
    assert read_state(tmp_path) is None
    (tmp_path / "run.json").write_text(content)
    assert read_state(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"bank_version": 99},
        {"calibration": 99},
        {"encoder_fingerprint": "x"},
        {"question": {"k": 6}},
        {"medsiam_version": "x"},
    ],
)
def test_a_key_holds_all_that_an_outcome_depends_on(state, change):
    other = replace(state, **change)
    assert other.key("content") != state.key("content")
    assert len(state.differences(other)) == 1


def test_a_key_does_not_depend_on_the_share_or_the_time(state):
    other = replace(state, shard=None, started="x", n_series=9, state="finished")
    assert other.key("content") == state.key("content")
    assert other.key("another") != state.key("content")
    assert state.differences(other) == ("shard",)
