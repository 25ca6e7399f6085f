from __future__ import annotations

import pytest

import study.identity as identity
from tests.app.conftest import png, text_of


def script():
    import streamlit as st

    from shell.open_bank import the_bank
    from study.ways_in import show_ways

    given = show_ways(the_bank(), "")
    st.session_state["given"] = given


@pytest.fixture(autouse=True)
def no_log():
    yield
    identity.log_reveals_with(None)


def test_limits_are_printed(start, bank_2d):
    app = start(bank_2d, script=script)
    assert "MB together and 900 files" in text_of(app)


def test_an_upload_is_held_no_longer_than_it_is_used(start, bank_2d, monkeypatch):
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

    removed = []
    remove = MemoryUploadedFileManager.remove_file

    def noted(self, session_id, file_id):
        removed.append(file_id)
        remove(self, session_id, file_id)

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", noted)
    app = start(bank_2d, script=script)
    app.file_uploader[0].upload("x.png", b"no picture").run()
    assert len(removed) == 1
    assert app.session_state["given"].fault is not None  # it was looked into all the same


def test_a_run_that_is_overtaken_never_loses_what_was_given(start, bank_2d, monkeypatch):
    """Streamlit may end a run wherever it touches the session's state."""
    import study.ways_in as ways_in

    order = []
    monkeypatch.setattr(ways_in, "hold", lambda phase, opening: order.append("held"))
    monkeypatch.setattr(ways_in, "release", lambda ids: order.append(f"released {len([*ids])}"))
    app = start(bank_2d, script=script)
    app.file_uploader[0].upload("x.png", b"no picture").run()
    assert order == ["held", "released 1"]


def test_without_a_studies_folder_there_is_only_the_upload(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.selectbox
    assert not app.button


def test_names_below_the_folder_are_hidden(start, bank_2d, studies):
    app = start(bank_2d, studies, script)
    assert app.selectbox[0].options == ["1 · picture 2D"]
    assert "monday" not in text_of(app)
    assert "3 further files" in text_of(app)
    assert not app.toggle


def test_names_are_shown_to_who_asks_and_that_is_written_down(start, bank_2d, studies):
    written = []
    identity.log_reveals_with(written.append)
    app = start(bank_2d, studies, script)
    app.toggle[0].set_value(True).run()
    assert app.selectbox[0].options == ["1 · picture 2D · monday/first.png"]
    app.run()
    assert written == ["names in the studies folder"]


def test_a_picked_series_comes_in(start, bank_2d, studies):
    app = start(bank_2d, studies, script)
    app.selectbox[0].set_value("monday/first.png").run()
    assert app.session_state["given"].scan.spatial_dims == 2
    app.run()
    assert app.session_state["given"] is None  # the choosers are empty again


def test_a_new_file_appears_when_the_folder_is_looked_through_again(start, bank_2d, tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    app = start(bank_2d, folder, script)
    assert app.selectbox[0].options == []
    png(folder / "new.png", "along", 4)
    app.button[0].click().run()
    assert app.selectbox[0].options == ["1 · picture 2D"]


def test_a_folder_that_is_gone_is_one_sentence_without_its_name(start, bank_2d, tmp_path):
    app = start(bank_2d, tmp_path / "DOE", script)
    assert not app.exception
    assert app.error[0].value == "The studies folder cannot be read."


def test_a_synthetic_bank_offers_a_demo_study(start, phantom_bank):
    app = start(phantom_bank, script=script)
    app.button[0].click().run(timeout=60)
    assert app.session_state["given"].scan.spatial_dims == 3
