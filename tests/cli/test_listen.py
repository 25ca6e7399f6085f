"""`medsiam listen` as typed: it starts, receives, ends when told to, and says what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from medsiam.cli import main
from tests.pacs.peers import free_port
from tests.pacs.test_listener import send, study


@contextmanager
def listen(bank, out, port, *options):
    command = [sys.executable, "-m", "medsiam", "listen", "--bank", str(bank.path)]
    command += ["--out", str(out), "--port", str(port), "--quiet-seconds", "0.5", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def until(process, text):
    """Read what it says up to a line with this text."""
    said = ""
    for line in process.stderr:
        said += line
        if text in line:
            return said
    raise AssertionError(said)


def test_it_compares_what_comes_and_ends_within_five_seconds(phantom_bank, tmp_path):
    port, out = free_port(), tmp_path / "out"
    with listen(phantom_bank, out, port) as process:
        said = until(process, "listens on 127.0.0.1")
        assert "research use only" in said
        assert "for anyone on this computer; results are kept in --out" in said
        send(port, study(tmp_path, 8))
        until(process, "12 files")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 130
        assert time.monotonic() - began < 5
    assert len(list((out / "dicom").glob("2.25.*.dcm"))) == 2
    for path in out.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert not list((out / "received" / ".part").iterdir())


def test_a_port_in_use_and_a_folder_in_use_are_one_clear_line(phantom_bank, tmp_path, capsys):
    port, out = free_port(), tmp_path / "out"

    def again(folder):
        asked = ["listen", "--bank", str(phantom_bank.path), "--out", str(folder)]
        mask = os.umask(0)
        try:
            code = main([*asked, "--port", str(port)])
        finally:
            os.umask(mask)
        *_, last = capsys.readouterr().err.strip().splitlines()
        return code, last

    with listen(phantom_bank, out, port) as process:
        until(process, "listens on")
        code, said = again(tmp_path / "other")
        assert code == 2
        assert f"cannot listen on 127.0.0.1, port {port}" in said
        code, said = again(out)
        assert code == 8
        assert "another run writes here" in said
    (tmp_path / "file").write_text("x")
    assert again(tmp_path / "file")[0] == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--address", "0.0.0.0"], "--allow-aet"),
        (["--send", "nonsense"], "AET@host:port"),
        (["--stow", "ftp://x"], "DICOMweb"),
        (["--aet", "MUCH TOO LONG A TITLE"], "no AE title"),
        (["--port", "0"], "no TCP port"),
        (["--metric", "manhattan"], "--metric manhattan"),
        (["--quiet-seconds", "-1"], "negative"),
    ],
)
def test_a_wrong_option_is_one_clear_line(phantom_bank, tmp_path, capsys, options, said):
    asked = ["listen", "--bank", str(phantom_bank.path), "--out", str(tmp_path / "out"), *options]
    assert main(asked) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_bank_that_is_none_is_refused(tmp_path):
    assert main(["listen", "--bank", str(tmp_path), "--out", str(tmp_path / "out")]) == 6
