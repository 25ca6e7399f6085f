"""What is shown, and where: stderr alone, nothing when switched off, no markup read into text."""

from __future__ import annotations

import pytest

from medsiam.training.display import Display


def test_lines_go_to_stderr_whole_and_as_they_are(capsys):
    Display(enabled=True).say("loss [red] 0.5 " + "x" * 200)
    assert capsys.readouterr() == ("", "loss [red] 0.5 " + "x" * 200 + "\n")


def test_piped_a_bar_leaves_no_trace_but_lines_do(capsys):
    display = Display(enabled=True)
    with display.bar("reading", 2) as advance:
        advance()
        display.say("half")
        advance()
    assert capsys.readouterr() == ("", "half\n")


def test_on_a_terminal_the_bar_counts(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with Display(enabled=True).bar("reading", 2) as advance:
        advance()
        advance()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "reading" in shown.err
    assert "2/2" in shown.err


def test_switched_off_it_is_silent(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    display = Display(enabled=False)
    with display.bar("reading", 1) as advance:
        advance()
        display.say("text")
    assert capsys.readouterr() == ("", "")


def test_an_error_in_the_block_comes_through(capsys):
    with pytest.raises(ValueError, match="inner"), Display(enabled=True).bar("x", 1):
        raise ValueError("inner")
