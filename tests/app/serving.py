"""The app as it is met from outside: its server, and Debian's Chromium to look at it."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from medsiam import ReferenceBank

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def review(bank: ReferenceBank, *options: str, environment: dict[str, str] | None = None):
    """Start `medsiam review` on a free port and yield (process, port)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "medsiam", "review", "--bank", str(bank.path)]
    command += ["--port", str(port), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if f"http://127.0.0.1:{port}" in line:
                    break
            else:
                pytest.fail("".join(lines))
            yield process, port
        finally:
            process.terminate()


def answer_of(port: int, path: str, *, host: str | None = None, method: str = "GET") -> int:
    return _asked(port, path, host=host, method=method)[0]


def headers_of(port: int, path: str) -> dict[str, str]:
    """Headers by lower-case name; those that come twice are joined."""
    return _asked(port, path)[1]


def text_at(port: int, path: str) -> str:
    return _asked(port, path)[2]


def _asked(
    port: int, path: str, *, host: str | None = None, method: str = "GET"
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Host": host} if host else {}
        if "stream" in path:
            headers |= {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            }
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        named: dict[str, str] = {}
        for name, value in answer.getheaders():
            named[name.lower()] = ", ".join(filter(None, [named.get(name.lower()), value]))
        text = "" if answer.status == 101 else answer.read().decode("utf-8", "replace")
        return answer.status, named, text
    finally:
        connection.close()
