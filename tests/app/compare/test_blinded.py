from __future__ import annotations

from tests.app.conftest import text_of


def script():
    import streamlit as st

    from compare.blinded import ask_for_guess, choose_blinded, is_blinded, show_guess

    choose_blinded()
    study = st.selectbox("study", ["one", "two"])
    if is_blinded(study):
        ask_for_guess(study, ["HCM", "DCM"])
    else:
        st.markdown("the diagnosis")
        show_guess(study)


def test_diagnoses_are_hidden_until_a_guess_is_committed(start, bank_2d):
    app = start(bank_2d, script=script)
    assert "the diagnosis" in text_of(app)
    app.toggle[0].set_value(True).run()
    assert "the diagnosis" not in text_of(app)
    assert app.selectbox[1].options == ["HCM", "DCM", "none of these"]
    app.button[0].click().run()
    assert "Choose or type a guess first" in text_of(app)
    assert "the diagnosis" not in text_of(app)
    app.selectbox[1].set_value("DCM")
    app.button[0].click().run()
    assert "the diagnosis" in text_of(app)
    assert "Your guess before the diagnoses were shown: **DCM**" in text_of(app)


def test_a_guess_belongs_to_one_study(start, bank_2d):
    app = start(bank_2d, script=script)
    app.toggle[0].set_value(True).run()
    app.selectbox[1].set_value("HCM")
    app.button[0].click().run()
    app.selectbox[0].set_value("two").run()
    assert "the diagnosis" not in text_of(app)
    app.selectbox[0].set_value("one").run()
    assert "**HCM**" in text_of(app)
