"""Small files that would cost much time or memory: each is refused, soon, and cheaply.

python -m tests.campaigns.bombs

The bombs are read by one watched process with `index_folder` and `read`, as the command line does.
Measured are the seconds until the refusal, and the highest memory of that process and its children
together, beyond what they held before.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from tests.campaigns.bomb_files import BOMBS, MIB
from tests.campaigns.process_memory import PeakMemory, memory_of
from tests.scans import hostile_dicom

SECONDS = 2.0
PATIENCE = 30.0  # seconds after which the reader is ended; no code, then
CEILING = 256 << 20  # bytes that a deflated data set may inflate to
MOST = 2 * CEILING
ROOT = Path(__file__).parents[2]

# Not refused but harmless: what may be read is read, at no more cost.
MAY_BE_READ = {
    "DICOM segmented palette that repeats itself",
    "PNG, 1 GiB in a text chunk",
    "PNG, 1 GiB in a colour profile",
    "TIFF, directories in a circle",
    "RLE in DICOM, segments that repeat beyond the frame",
    "DICOM private element of 300 MB in front of the pixels",
    "DICOM sequences 2,000 deep, with lengths",
    "gzip NIfTI, 2 GiB behind small dims",
}

_READER = """
import sys, time
from medsiam.errors import ScanError
from medsiam.scans import index_folder
def read(path):
    try:
        index = index_folder(path)
    except ScanError as error:
        return {error.code}
    codes = {skipped.code for skipped in index.skipped}
    for source in index.sources[:5]:
        try:
            source.read()
            codes.add("read")
        except ScanError as error:
            codes.add(error.code)
    return codes
for line in sys.stdin:
    start = time.perf_counter()
    codes = read(line.rstrip())
    print(*sorted(codes), time.perf_counter() - start, flush=True)
"""


class Reader:
    """A process that reads what it is told to, one after the other, and is watched."""

    def __init__(self, plain: Path) -> None:
        self._plain = plain
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def measure(self, path: Path) -> dict[str, Any]:
        """Read one file; the codes are empty where the process had to be ended."""
        if self._process is None:
            words = [sys.executable, "-c", _READER]
            self._process = subprocess.Popen(
                words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            self._ask(self._plain)  # loads the libraries and starts the reading process
        before = memory_of(self._process.pid)
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        watchdog.start()
        with PeakMemory(self._process.pid) as peak:
            *codes, seconds = self._ask(path) or [str(PATIENCE)]
        watchdog.cancel()
        if not codes:
            self._end()
        extra = max(0, peak.bytes - before)
        return {"codes": codes, "seconds": float(seconds), "extra_mib": round(extra / MIB)}

    def _ask(self, path: Path) -> list[str]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        print(path, file=process.stdin, flush=True)
        return process.stdout.readline().split()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def verdict(name: str, told: dict[str, Any]) -> str:
    """Return what is wrong with the outcome of a bomb, or nothing."""
    wrong = []
    if not told["codes"] or ("read" in told["codes"] and name not in MAY_BE_READ):
        wrong.append("not refused")
    if {"unreadable"} & set(told["codes"]):
        wrong.append("no word for it")
    if told["seconds"] > SECONDS:
        wrong.append("too slow")
    if told["extra_mib"] > MOST / MIB:
        wrong.append("too much memory")
    return ", ".join(wrong)


def run(names: list[str]) -> dict[str, Any]:
    """Measure these bombs, and say how each ended."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder, Reader(Path(folder) / "plain.dcm") as reader:
        (Path(folder) / "plain.dcm").write_bytes(hostile_dicom.file_bytes())
        for number, name in enumerate(names):
            path = Path(folder) / f"bomb{number}"
            path.write_bytes(BOMBS[name]())
            told = reader.measure(path) | {"bytes": path.stat().st_size}
            path.unlink()
            figures[name] = told = told | {"wrong": verdict(name, told)}
            said = f"{told['bytes']:>12,} B {told['seconds']:6.2f} s {told['extra_mib']:5} MiB"
            print(
                f"{name:55} {said}  {' '.join(told['codes'])}  {told['wrong'].upper()}", flush=True
            )
    return figures


def main() -> None:
    from benchmarks.machine import write_result

    figures = run(list(BOMBS))
    bad = sum(bool(told["wrong"]) for told in figures.values())
    print(f"{len(figures)} bombs, {bad} not as they should be")
    write_result("bombs", {"limits": {"seconds": SECONDS, "mib": MOST // MIB}, "bombs": figures})


if __name__ == "__main__":
    main()
