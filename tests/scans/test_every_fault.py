"""Each code of the closed lists has a file that gets it, and no other word for what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from medsiam.cli import main
from medsiam.errors import ScanError
from medsiam.scans import FAULTS, index_folder
from medsiam.scans.faults import WARNINGS
from tests.scans.fault_fixtures import FAULTY
from tests.scans.warning_fixtures import ODD
from tests.scans.written import SECRET, SECRET_ID

# Only a child that dies or sleeps gets these: tests/scans/test_worker.py.
OF_THE_WORKER = {"reader_crashed", "timed_out"}
HERE = {"no_access"}  # below: needs a user without rights


def tells_no_patient(*texts: object) -> None:
    for said in map(str, texts):
        for part in (SECRET.partition("^")[0], SECRET_ID):
            assert part.lower() not in said.lower(), said


def test_the_lists_are_covered():
    assert {f.code for f in FAULTY} | OF_THE_WORKER | HERE == set(FAULTS)
    assert {o.code for o in ODD} == set(WARNINGS)
    names = [f"{f.code}: {f.name}" for f in (*FAULTY, *ODD)]
    assert len(names) == len(set(names)) >= 35


@pytest.mark.parametrize("fixture", FAULTY, ids=lambda f: f"{f.code}: {f.name}")
def test_a_fault_has_its_code(fixture, tmp_path, capsys, recwarn):
    path = fixture.build(tmp_path)
    with pytest.raises(ScanError) as caught:
        fixture.read(path)
    assert caught.value.code == fixture.code, caught.value
    said = str(caught.value)
    assert str(path) in said
    assert FAULTS[fixture.code].remedy in said
    tells_no_patient(said.replace(str(tmp_path), ""), repr(caught.value).replace(str(tmp_path), ""))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "")
    assert not list(recwarn)


@pytest.mark.parametrize("fixture", FAULTY, ids=lambda f: f"{f.code}: {f.name}")
def test_info_lists_what_is_wrong_and_names_no_patient(fixture, tmp_path, capsys):
    path = fixture.build(tmp_path)
    if not path.exists():
        with pytest.raises(ScanError):
            index_folder(path)
        return
    assert main(["info", str(path), "--json"]) in (0, 3, 4, 5)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    entries = json.loads(out)
    tells_no_patient((out + err).replace(str(tmp_path), ""))
    for entry in entries:
        assert entry["readable"] == (not entry["faults"])
        assert {found["code"] for found in entry["faults"]} <= set(FAULTS)
    if path.is_file() and fixture.code not in ("several_time_points", "no_such_part"):
        codes = {found["code"] for entry in entries for found in entry["faults"]}
        assert codes == {fixture.code}


@pytest.mark.parametrize("fixture", ODD, ids=lambda o: f"{o.code}: {o.name}")
def test_a_warning_has_its_code(fixture, tmp_path, capsys):
    path = fixture.build(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan = fixture.read(path)
    assert {said.code for said in scan.warnings} == {fixture.code, *fixture.also}, scan.warnings
    tells_no_patient(*scan.warnings, repr(scan).replace(str(tmp_path), ""))
    assert capsys.readouterr() == ("", "")


def test_no_access():
    """As root every file may be read, so that root gives up this right first."""
    with tempfile.TemporaryDirectory() as name:
        closed = Path(name) / "closed.dcm"
        closed.write_bytes(b"x")
        closed.chmod(0)
        locked = Path(name) / "locked"
        locked.mkdir()
        (locked / "a.dcm").write_bytes(b"x")
        locked.chmod(0)
        for path in (closed, locked, locked / "a.dcm"):
            run = _info_without_rights(path)
            assert "Traceback" not in run.stderr, run.stderr
            assert "no_access" in run.stdout or "no permission to read it" in run.stderr
            assert run.returncode == 5
        locked.chmod(0o700)


def _info_without_rights(path: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "medsiam", "info", str(path), "--json"]
    if os.geteuid() == 0:
        words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *words]
    return subprocess.run(words, capture_output=True, text=True, check=False)
