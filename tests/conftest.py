"""Shared fixtures. Real data is found through MEDSIAM_DATA; in CI nothing may be skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def medsiam_data() -> Path:
    """Folder with the real data sets; the test is skipped where MEDSIAM_DATA is not set."""
    folder = os.environ.get("MEDSIAM_DATA")
    if not folder:
        pytest.skip("MEDSIAM_DATA is not set: tests on real data need it (see CONTRIBUTING.md)")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"MEDSIAM_DATA names {path}, which is no folder")
    return path


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI, where data, browser and servers are there, a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or not os.environ.get("MEDSIAM_DATA") or reporter is None:
        return
    if reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a run with skips fails in CI."""
    skipped = len(terminalreporter.stats.get("skipped", []))
    if os.environ.get("CI") and os.environ.get("MEDSIAM_DATA") and skipped:
        terminalreporter.write_line(f"{skipped} skipped: a skip fails CI", red=True)
