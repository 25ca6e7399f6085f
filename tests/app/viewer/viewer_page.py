"""The viewer in a real browser, as the tests and the benchmark meet it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]
THE_VIEWER = (
    "document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot.medsiamViewer"
)
LOADED = f"() => {{ const v = {THE_VIEWER}; return v && v.drawn > 0 && ['query', 'match'].every((side) => v.loaded.get(v.pane(side).id)?.voxels); }}"  # noqa: E501


@contextmanager
def served() -> Iterator[str]:
    """Serve a page with the viewer and yield its address, to which a study's name is added."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "theme.base": os.environ.get("VIEWER_THEME", "dark"),
    }
    script = str(Path(__file__).with_name("viewer_server.py"))
    command = [sys.executable, "-m", "streamlit", "run", script]
    command += [f"--{name}={value}" for name, value in flags.items()]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "app")])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}/?study="
        finally:
            server.terminate()


def _wait(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise TimeoutError("the page was not served within a minute")


def open_viewer(page, address: str) -> None:
    """Go there and wait until both volumes are drawn."""
    page.goto(address)
    page.wait_for_selector("[data-testid=stBidiComponentIsolated]", timeout=60_000)
    page.wait_for_function(LOADED, timeout=60_000)
    settle(page)


def settle(page) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def ask(page, expression: str):
    """Evaluate an expression of `v`, the viewer."""
    return page.evaluate(f"() => {{ const v = {THE_VIEWER}; return {expression}; }}")
