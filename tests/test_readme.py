"""Every command block of the README is run, in order, in one empty folder.

Left out are `make` targets and the lines that fetch and install medsiam itself. A comment
`# exits with N` after a command is a promise that is checked. A server is started, asked once and
stopped.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
LEFT_OUT = ("make ", "git clone", "cd ", "pip install", "source ")
SERVERS = ("medsiam review",)


def commands(block: str) -> list[str]:
    joined = block.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", *LEFT_OUT))]


def run(command: str, folder: Path) -> None:
    promised = re.search(r"#.*exits with (\d+)", command)
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    expected = int(promised[1]) if promised else 0
    assert result.returncode == expected, f"{command}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr, command


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path}


def ask_server(command: str, folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [*shlex.split(command, comments=True), "--port", str(port)]
    process = subprocess.Popen(words, cwd=folder, env=environment(), start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    assert answer.status == 200
                    return
            except OSError:
                assert process.poll() is None, f"{command} ended by itself"
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.3)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=20)


def test_the_readme_has_the_commands_it_should_teach():
    text = "\n".join(
        line for language, block in BLOCKS if language == "bash" for line in commands(block)
    )
    for command in (
        "demo",
        "info",
        "train",
        "embed",
        "evaluate",
        "bank create",
        "bank add",
        "bank list",
        "compare",
        "score",
        "review",
    ):
        assert f"medsiam {command}" in text, command


def test_every_block_does_what_it_says(demo_folder: Path):
    """`demo_folder` is the folder in which `medsiam demo --out demo`, the first block, was run."""
    for language, block in BLOCKS:
        if language == "python":
            script = f"{shlex.quote(sys.executable)} - <<'END'\n{block}\nEND"
            run(script, demo_folder)
            continue
        for command in commands(block):
            if command.startswith("medsiam demo"):
                assert command.split("#")[0].split() == ["medsiam", "demo", "--out", "demo"]
            elif command.startswith(SERVERS):
                ask_server(command, demo_folder)
            else:
                run(command, demo_folder)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)#]+)", README))))
def test_every_local_link_leads_somewhere(link):
    assert (ROOT / link).exists()
