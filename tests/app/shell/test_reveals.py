from __future__ import annotations

import shutil

from medsiam import ReferenceBank


def script():
    import streamlit as st

    from shell.reader import choose_reader
    from shell.reveals import keep_reveal

    choose_reader()
    if st.button("reveal"):
        keep_reveal("hash of a study")


def test_a_reveal_is_a_link_of_the_chain_and_changes_nothing(start, bank_2d, tmp_path):
    bank = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    app = start(bank, script=script)
    app.text_input[0].set_value("Dr. A").run()
    app.button[0].click().run()
    assert not app.exception
    (kept,) = bank.reviews.all()
    assert (kept.kind, kept.reader, kept.study) == ("identity revealed", "Dr. A", "hash of a study")
    assert kept.bank_version == bank.version == bank_2d.version
    assert bank.reviews.verify().sound
