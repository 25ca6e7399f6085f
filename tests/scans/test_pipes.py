from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from medsiam.scans.pipes import Pipes

ECHO = """
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
"""


@contextmanager
def talking(script: str) -> Iterator[Pipes]:
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        yield Pipes(process)
        process.kill()


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def test_lines_and_bytes_come_in_order():
    with talking(ECHO) as pipes:
        pipes.send(b"one\ntwo\n12345\n6", soon())
        assert pipes.line(99, soon()) == b"one\n"
        assert pipes.line(99, soon()) == b"two\n"
        place = bytearray(4)
        pipes.fill(memoryview(place), soon())
        assert place == b"1234"
        pipes.send(b"\n", soon())
        assert pipes.line(99, soon()) == b"5\n"


def test_more_than_any_pipe_holds():
    sent = bytes(range(1, 10)) * 500_000
    script = (
        f"import sys; o = sys.stdout.buffer; o.write(b'ok\\n' + sys.stdin.buffer.read({len(sent)}))"
    )
    with talking(script) as pipes:
        pipes.send(sent, soon())
        assert pipes.line(99, soon()) == b"ok\n"
        place = bytearray(len(sent))
        pipes.fill(memoryview(place), soon())
        assert place == sent


def test_nothing_is_waited_for_beyond_the_deadline():
    with talking("import time; time.sleep(60)") as pipes:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            pipes.line(99, soon(0.1))
        with pytest.raises(TimeoutError):
            pipes.fill(memoryview(bytearray(3)), soon(0.1))
        with pytest.raises(TimeoutError):  # nobody takes it
            pipes.send(bytes(8 << 20), soon(0.1))
        assert time.monotonic() - began < 5


def test_an_end_before_the_line_is_told():
    with talking("print('half', end='')") as pipes, pytest.raises(EOFError):
        pipes.line(99, soon())
    with talking("print('x\\nhalf', end='')") as pipes:
        assert pipes.line(99, soon()) == b"x\n"
        with pytest.raises(EOFError):
            pipes.fill(memoryview(bytearray(9)), soon())


def test_a_line_without_end_is_not_taken():
    script = "import sys; [sys.stdout.write('x' * 999) for _ in iter(int, 1)]"
    with talking(script) as pipes, pytest.raises(ValueError, match="without end"):
        pipes.line(10_000, soon())
