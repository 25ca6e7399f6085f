"""Shared fixtures. Real data is found through MEDSIAM_DATA; in CI nothing may be skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medsiam import ReferenceBank
    from tests.bank.servers import Server

PHANTOM_CONDITIONS = ("dumbbell", "crescent")


NEED_THE_DEMO = ("tests/cli/test_demo.py", "tests/test_readme.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the demo goes first: it takes longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(NEED_THE_DEMO))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Share the tests out between processes by file, what needs the demo as one.

    So each process makes the costly fixtures of a file once, and the demo is run once in all.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return "demo" if file in NEED_THE_DEMO else file

    return ByFile(config, log)


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


@pytest.fixture(scope="session")
def phantom_bank(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBank:
    """A tiny 3D bank of phantoms, its encoder untrained."""
    from medsiam import ReferenceBank, read_case_table
    from medsiam.bank import add_case_table
    from medsiam.encoders import Architecture, new_encoder
    from medsiam.phantoms import write_cases
    from medsiam.preprocessing import Recipe

    folder = tmp_path_factory.mktemp("phantom_bank")
    architecture = Architecture(spatial_dims=3, backbone="resnet10", width=0.25, embedding_dim=8)
    recipe = Recipe(spatial_dims=3, spatial_size=(16, 16, 16))
    encoder = new_encoder(architecture, recipe, name="tiny", licence="test only")
    bank = ReferenceBank.create(folder / "bank", encoder)
    table = write_cases(
        folder / "cases",
        spatial_dims=3,
        conditions=PHANTOM_CONDITIONS,
        n_patients=2,
        random_state=1,
    )
    add_case_table(bank, read_case_table(table))
    return bank


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real PostgreSQL server; one for all tests of a process."""
    from tests.bank.servers import running_server

    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def incoming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two 3D series, two 2D images, one damaged series, five files of junk."""
    from medsiam.phantoms import write_incoming

    folder = tmp_path_factory.mktemp("hospital") / "incoming"
    return write_incoming(
        folder, spatial_dims=(3, 2), conditions=PHANTOM_CONDITIONS, n_patients=1, random_state=2
    )


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `medsiam demo --out demo`, the README's first command, was run, once.

    Holds `demo/`, and what the command printed in `printed.txt`.
    """
    folder = tmp_path_factory.mktemp("readme")
    command = [sys.executable, "-m", "medsiam", "demo", "--out", "demo"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "Traceback" not in run.stderr
    (folder / "printed.txt").write_text(run.stdout, encoding="utf-8")
    return folder


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


@pytest.fixture(scope="session", autouse=True)
def prepared_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither fill nor use the cache of prepared scans of whoever runs them."""
    os.environ["MEDSIAM_CACHE"] = str(tmp_path_factory.mktemp("cache"))
