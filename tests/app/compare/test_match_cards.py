from __future__ import annotations

import pytest

from tests.app.conftest import text_of


def script():
    import streamlit as st

    from compare.match_cards import choose_match, go_on
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank = the_bank()
    if "kept" not in st.session_state:
        st.session_state["kept"] = compare(scan_2d("across", 300), bank, k=4)
    blinded = st.toggle("blinded")
    matches = st.session_state["kept"].matches
    shown = choose_match(matches, bank, key="cards", blinded=blinded)
    st.session_state["chosen"] = shown
    if step := st.session_state.pop("step", 0):
        go_on("cards", step, len(matches))


def test_the_first_match_is_shown_until_another_is_chosen(start, bank_2d):
    app = start(bank_2d, script=script)
    matches = app.session_state["kept"].matches
    assert app.session_state["chosen"] == matches[0]
    labels = [button.label.split(": ")[-1].replace("\\", "") for button in app.button]
    assert labels == [f"{match.rank}. {match.condition}" for match in matches]
    assert len(app.get("image")) == 4
    app.button[2].click().run()
    assert app.session_state["chosen"] == matches[2]
    assert [button.label.startswith(":material/visibility:") for button in app.button] == [
        False, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(("start_at", "step", "end"), [(0, 1, 1), (0, -1, 0), (3, 1, 3)])
def test_keys_step_and_stop_at_the_ends(start, bank_2d, start_at, step, end):
    app = start(bank_2d, script=script)
    app.button[start_at].click().run()
    app.session_state["step"] = step
    app.run()
    assert app.session_state["chosen"].rank == end + 1


def test_blinded_cards_tell_no_condition_and_no_case(start, bank_2d):
    app = start(bank_2d, script=script)
    app.toggle[0].set_value(True).run()
    said = text_of(app) + " ".join(button.label for button in app.button)
    for match in app.session_state["kept"].matches:
        assert match.case_id not in said.replace("\\", "")
        assert match.condition not in said
    assert "Match 1" in said
