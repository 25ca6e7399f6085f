from __future__ import annotations

import getpass


def script():
    import streamlit as st

    from shell.reader import choose_reader, the_reader

    choose_reader()
    st.session_state["name"] = the_reader()


def test_the_user_of_this_computer_until_a_name_is_typed(start, bank_2d):
    app = start(bank_2d, script=script)
    assert app.session_state["name"] == getpass.getuser()
    app.text_input[0].set_value("  Dr. A  ").run()
    assert app.session_state["name"] == "Dr. A"
    app.text_input[0].set_value(" ").run()
    assert app.session_state["name"] == getpass.getuser()


def test_a_login_leaves_nothing_to_type(start, bank_2d, monkeypatch):
    monkeypatch.setattr("shell.login.reader_name", lambda: "a@example.org")
    monkeypatch.setattr("shell.reader.reader_name", lambda: "a@example.org")
    app = start(bank_2d, script=script)
    assert app.session_state["name"] == "a@example.org"
    assert not app.text_input
