"""The run folder's own rules; its content is checked in test_loop.py."""

from __future__ import annotations

import pytest

from medsiam.errors import OutputError
from medsiam.training.run_folder import create_run_folder


def test_new_and_empty_folders_are_taken(tmp_path):
    create_run_folder(tmp_path / "deep" / "new")
    create_run_folder(tmp_path / "deep" / "new")
    assert (tmp_path / "deep" / "new").is_dir()


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"not empty; give a new one with --out"):
        create_run_folder(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        create_run_folder(tmp_path / "file" / "run")
