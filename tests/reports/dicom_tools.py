"""Debian's dicom3tools and dcmtk as judges of what is written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def need(tool: str) -> str:
    """The tool's path; the test is skipped, and says so, where it is not installed."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed (apt-get install dcmtk dicom3tools)")
    return found


def faults(path: Path) -> list[str]:
    """What dciodvfy calls an error. Its exit code tells warnings from none, so it is not asked."""
    command = [need("dciodvfy"), str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    said = (run.stdout + run.stderr).splitlines()
    assert any(line in ("Comprehensive3DSR", "SCImage") for line in said), said
    return [line for line in said if line.startswith(("Error", "Fatal"))]


def report_text(path: Path) -> str:
    """A structured report in words, as dsrdump prints it."""
    return _printed("dsrdump", "+Pl", "+Pc", str(path))


def dump(path: Path) -> str:
    """Every element, as dcmdump prints it."""
    return _printed("dcmdump", "+L", str(path))


def _printed(tool: str, *arguments: str) -> str:
    command = [need(tool), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout
