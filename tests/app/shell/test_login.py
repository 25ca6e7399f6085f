from __future__ import annotations


def script():
    import streamlit as st

    from shell.login import reader_name, require_login, show_reader

    require_login()
    show_reader()
    st.text(f"inside as {reader_name()}")


def test_on_ones_own_computer_nobody_logs_in(start, bank_2d):
    app = start(bank_2d, script=script)
    assert app.text[0].value == "inside as None"
    assert not app.button


def test_where_a_login_is_demanded_nothing_is_shown_before_it(start, bank_2d, monkeypatch):
    monkeypatch.setenv("MEDSIAM_REVIEW_LOGIN", "1")
    app = start(bank_2d, script=script)
    assert not app.text
    assert [button.label for button in app.button] == ["Log in"]


def test_who_has_logged_in_reads_under_that_name(start, bank_2d, monkeypatch):
    class User(dict):
        def to_dict(self):
            return dict(self)

    monkeypatch.setenv("MEDSIAM_REVIEW_LOGIN", "1")
    monkeypatch.setattr("shell.login.st.user", User(is_logged_in=True, email="reader@example.org"))
    app = start(bank_2d, script=script)
    assert app.text[0].value == "inside as reader@example.org"
    assert app.button[0].label == "Log out reader@example.org"
