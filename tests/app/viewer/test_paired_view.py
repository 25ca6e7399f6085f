from __future__ import annotations

import re


def script():
    from medsiam import Scan
    from tests.app.conftest import volume
    from viewer.paired_view import show_pair

    query = Scan(volume("along", 1, depth=9), 3)
    match = Scan(volume("along", 2, depth=5), 3)
    show_pair((query,), (match,), ("",), "1. along (case_1)")


def script_ct():
    import numpy as np

    from medsiam import Scan
    from tests.app.conftest import drawing
    from viewer.paired_view import show_pair

    def ct(seed, **facts):
        return Scan(
            (drawing("along", seed) * 10 - 1000).astype(np.float32), 2, modality="CT", **facts
        )

    show_pair(
        (ct(1, window=(40.0, 350.0)), ct(3)), (ct(2), ct(4)), ("native", "late"), "1. along (c)"
    )


def captions(app):
    return [str(caption.value) for caption in app.caption]


def slices(app):
    return [int(n) for n in re.findall(r"slice (\d+) of", " ".join(captions(app)))]


def test_the_match_follows_the_slider_by_relative_depth(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert slices(app) == [5, 3]
    for asked, linked in ((1, 1), (3, 2), (9, 5)):
        app.slider[0].set_value(asked).run()
        assert slices(app) == [asked, linked]
    assert len(app.image) == 2
    assert "left and right cannot be trusted" in " ".join(captions(app))


def test_each_plane_has_its_slices(start, bank_2d):
    app = start(bank_2d, script=script)
    app.get("button_group")[0].set_value("first axis").run()
    assert "of 16" in captions(app)[0]
    assert not app.exception


def test_names_of_cases_are_no_markup(start, bank_2d):
    app = start(bank_2d, script=script)
    assert any(r"1\. along \(case\_1\)" in str(text.value) for text in app.markdown)


def test_ct_gets_the_same_values_on_both_sides(start, bank_2d):
    app = start(bank_2d, script=script_ct)
    assert not app.exception
    assert captions(app)[:2] == ["window centre 40, width 350"] * 2
    window = app.get("button_group")[-1]
    window.set_value("lung").run()
    assert captions(app)[:2] == ["window centre -600, width 1500"] * 2


def test_a_window_by_hand_is_for_both(start, bank_2d):
    app = start(bank_2d, script=script_ct)
    app.get("button_group")[-1].set_value("by hand").run()
    centre, width = app.slider
    assert (centre.label, width.label) == ("Centre", "Width")
    width.set_value(width.min).run()
    first, second = captions(app)[:2]
    assert first == second
    assert f"width {width.min:.4g}" in first


def test_each_phase_can_be_seen(start, bank_2d):
    app = start(bank_2d, script=script_ct)
    phase = app.get("button_group")[0]
    assert phase.options == ["native", "late"]
    phase.set_value("late").run()
    assert not app.exception
    assert captions(app)[0] != "window centre 40, width 350"
