from __future__ import annotations

from compare.rankings import MARKS, REGION, WHOLE
from medsiam.comparison import compare_region, refine
from tests.app.conftest import scan_2d, text_of


def script():
    import streamlit as st

    from compare.rankings import WHOLE, Ranking, by_marks, by_region, choose_ranking, show_mark
    from compare.settings import Settings
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank, query = the_bank(), (scan_2d("across", 300),)
    settings = Settings(4, None, None)
    embedding = bank.encoder.embed(query)
    comparison = compare(query, bank, k=4)
    box = st.session_state.get("box")
    marks = st.session_state.setdefault("marks", {})
    rankings = [
        Ranking(WHOLE, comparison.matches),
        by_region(box, query, bank, settings, "slot") if box else None,
        by_marks(marks, embedding, query, bank, comparison),
    ]
    chosen = choose_ranking([one for one in rankings if one], "which")
    st.session_state["chosen"] = chosen
    st.caption(chosen.note or "")
    show_mark(comparison.matches[0], marks, "mark")
    st.session_state["comparison"] = comparison


def test_one_list_leaves_nothing_to_choose(start, bank_2d):
    app = start(bank_2d, script=script)
    assert app.session_state["chosen"].name == WHOLE
    assert len(app.segmented_control) == 1  # the mark


def test_a_region_is_the_librarys_answer(start, bank_2d):
    app = start(bank_2d, script=script)
    app.session_state["box"] = ((4, 20), (4, 20))
    app.run()
    app.segmented_control(key="which").set_value(REGION).run()
    assert not app.exception
    found = app.session_state["chosen"]
    expected = compare_region(scan_2d("across", 300), [(4, 20), (4, 20)], bank_2d, k=4)
    assert [m.case_id for m in found.matches] == [m.case_id for m in expected.matches]
    assert "only the chosen region" in text_of(app)


def test_a_region_that_leaves_the_scan_is_a_sentence(start, bank_2d):
    app = start(bank_2d, script=script)
    app.session_state["box"] = ((4, 99), (4, 20))
    app.run()
    assert not app.exception
    assert "region" in app.warning[0].value
    assert app.session_state["chosen"].name == WHOLE


def test_a_mark_ranks_again_and_can_be_taken_back(start, bank_2d):
    app = start(bank_2d, script=script)
    first = app.session_state["comparison"].matches[0]
    app.segmented_control[-1].set_value("more like this").run()
    app.segmented_control(key="which").set_value(MARKS).run()
    assert not app.exception
    embedding = bank_2d.encoder.embed([scan_2d("across", 300)])
    expected = refine(embedding, scan_2d("across", 300), bank_2d, like=[first.case_id], k=4)
    got = app.session_state["chosen"]
    assert [m.case_id for m in got.matches] == [m.case_id for m in expected.matches]
    assert first.case_id not in {m.case_id for m in got.matches}
    assert got.note.startswith("1 marked as alike, 0 as not alike")
    app.segmented_control[-1].set_value(None).run()
    assert app.session_state["chosen"].name == WHOLE
    assert app.session_state["marks"] == {}
