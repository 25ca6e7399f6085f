from __future__ import annotations

import json
import os

import pytest

from medsiam.cli import terminal


def test_json_goes_to_stdout_and_refuses_what_json_cannot_say(capsys):
    terminal.print_json({"distance": 0.5, "name": "é"})
    assert json.loads(capsys.readouterr().out) == {"distance": 0.5, "name": "é"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        terminal.print_json({"distance": float("nan")})


def test_a_notice_goes_to_stderr(capsys):
    terminal.notice("careful")
    assert capsys.readouterr() == ("", "careful\n")


def test_a_table_keeps_every_cell_and_takes_no_markup(capsys):
    terminal.table("T", ("case", "distance"), [("[red]a[/red]", 0.12345), ("b", None)])
    out = capsys.readouterr().out
    assert "[red]a[/red]" in out
    assert "0.123" in out
    assert "-" in out.splitlines()[-2] or "-" in out.splitlines()[-1]


def test_piped_progress_prints_plain_lines_now_and_then(capsys, monkeypatch):
    now = iter([0.0, 4.0, 11.0, 12.0, 22.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(now))
    with terminal.progress("reading", 4) as advance:
        for _ in range(4):
            advance()
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "reading: 2 of 4, about 11 s left\nreading: 4 of 4\n"


def test_equal_remarks_are_one_line(capsys):
    said = [("unknown_format", f"{k}.txt", "it looks like text") for k in range(300)]
    said += [("empty_file", "x", "it holds no bytes"), ("a", "y", "b")]
    terminal.print_remarks([terminal.Remark(*remark) for remark in said])
    assert capsys.readouterr().out.splitlines() == [
        "a: y: b",
        "empty_file: x: it holds no bytes",
        "300 x unknown_format: it looks like text (first: 0.txt)",
    ]


def test_file_names_that_are_no_text_are_shown_and_survive_json(capsys):
    name = os.fsdecode(b"M\xfcller") + " \x1b[31m\x7f"
    for show in (terminal.print_text, terminal.notice):
        show(name)
    terminal.table("T", ("name",), [(name,)])
    out, err = capsys.readouterr()
    assert r"M\xfcller \x1b[31m\x7f" in out
    assert r"M\xfcller \x1b[31m\x7f" in err
    assert "\x1b" not in out + err
    terminal.print_json({"name": name})
    out = capsys.readouterr().out
    assert out.encode("utf-8")
    assert json.loads(out)["name"] == name
