from __future__ import annotations

from study.checks import Check
from study.fault_words import Words
from study.opening import Opening
from study.timeline import fault_html, findings_html


def script():
    from study.checks import Check
    from study.opening import Opening
    from study.timeline import running, show_timeline

    with running() as on_step:
        on_step("unpack")
    checks = (Check("scope", "warning", "Odd."), Check("unpack", "fine", "1 file."))
    show_timeline(Opening(None, checks=checks))


def test_steps_stand_in_order_and_one_that_asks_is_open(start, bank_2d):
    app = start(bank_2d, script=script)
    steps = app.get("status")
    assert [step.label for step in steps] == ["Unpack", "Scope of the bank: 1 thing to decide"]
    assert [step.state for step in steps] == ["complete", "error"]


def test_each_level_has_a_sign_of_its_own_and_words_stay_words():
    levels = ("fine", "note", "warning", "refused")
    shown = [findings_html([Check("scope", level, "<b>x</b>", "do <i>")]) for level in levels]
    assert len({html.split("</")[0].split(">")[-1] for html in shown}) == 1
    assert len({html[: html.index("&lt;b")] for html in shown}) == 4
    for html in shown:
        assert "<b>" not in html
        assert "<i>" not in html


def test_a_fault_says_three_things_and_what_was_seen():
    html = fault_html(Opening(None, fault=Words("Saw.", "Matters.", "Do."), detail="5 < 7"))
    for said in ("Saw.", "Matters.", "Do.", "(5 &lt; 7)", 'role="alert"'):
        assert said in html
