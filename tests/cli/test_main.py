"""What holds for every command: help at once, one clear line for an error, its exit code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time

import pytest

from medsiam import cli, errors

COMMANDS = (
    "demo",
    "info",
    "train",
    "embed",
    "evaluate",
    "verify",
    "bank",
    "compare",
    "score",
    "merge",
    "review",
    "reviews",
)


def medsiam(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medsiam", *arguments], capture_output=True, text=True, check=False
    )


def test_help_names_every_command_and_the_research_use():
    run = medsiam("--help")
    assert run.returncode == 0
    for command in COMMANDS:
        assert f"\n    {command}" in run.stdout
    assert "Not a medical device" in run.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: medsiam {command}" in capsys.readouterr().out


def test_help_is_quick():
    # A bound with room: the measured figure is in docs/benchmarks.md. torch alone needs seconds.
    start = time.perf_counter()
    medsiam("--help")
    assert time.perf_counter() - start < 1.0


def test_no_command_and_unknown_command_are_usage_errors():
    assert medsiam().returncode == 2
    assert medsiam("dance").returncode == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("wrong"), 2),
        (errors.ConfigError("wrong"), 2),
        (errors.NothingToDoError("wrong"), 3),
        (errors.ScanError("empty_file", "wrong"), 5),
        (errors.EncoderMismatchError("wrong"), 6),
        (errors.BankError("wrong"), 6),
        (errors.OutputError("wrong"), 7),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "f"), 7),
    ],
)
def test_an_error_is_one_line_and_its_code(error, code, monkeypatch, capsys):
    def fail(args):
        raise error

    monkeypatch.setattr("medsiam.cli.info.run", fail)
    assert cli.main(["info", "x"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.startswith("medsiam: ") for line in err.splitlines()] == [True, True]


def test_a_fault_of_our_own_is_no_traceback_and_quotes_no_header(monkeypatch, capsys):
    def fail(args):
        raise TypeError("SECRET^NAME")

    monkeypatch.setattr("medsiam.cli.info.run", fail)
    assert cli.main(["info", "x"]) == 5
    err = capsys.readouterr().err
    assert "unexpected TypeError" in err
    assert "SECRET" not in err
    assert "Traceback" not in err


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m medsiam --help | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert run.stdout.startswith("usage:")
    assert run.stderr == ""


def test_the_research_use_line_goes_to_stderr(tmp_path):
    run = medsiam("info", os.fspath(tmp_path), "--json")
    assert "research use only" in run.stderr
    assert "research use only" not in run.stdout
