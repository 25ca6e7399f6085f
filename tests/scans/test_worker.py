from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsiam.errors import MedsiamError, ScanError
from medsiam.scans import index_folder, worker
from medsiam.scans.decode import Request, decode
from medsiam.scans.wire import READY
from medsiam.scans.worker import ReadingWorker, read_in_worker
from tests.scans.written import SECRET_ID, write_nifti, write_stack


@pytest.fixture
def reader():
    with ReadingWorker() as made:
        yield made


@pytest.fixture(scope="module")
def long_series(tmp_path_factory) -> Request:
    """Takes a second or more to read."""
    folder = tmp_path_factory.mktemp("long")
    files = write_stack(folder, np.zeros((700, 48, 48), np.int16))
    return Request("dicom", folder, tuple(files))


def picture(path: Path, value: int) -> Request:
    Image.fromarray(np.full((4, 3), value, np.uint8)).save(path)
    return Request("image", path, (path,))


def code_of(reader: ReadingWorker, request: Request) -> str:
    with pytest.raises(ScanError) as caught:
        reader.read(request)
    assert str(caught.value).startswith(f"{request.path}: ")
    return caught.value.code


def during_a_read(reader: ReadingWorker, act, after: float = 0.15) -> None:
    threading.Timer(after, lambda: act(reader.pid)).start()


def assert_same(a, b) -> None:
    for field in fields(a):
        mine, other = getattr(a, field.name), getattr(b, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == other.dtype
            assert mine.strides == other.strides
            assert mine.tobytes() == other.tobytes()
        else:
            assert mine == other, field.name
    assert [getattr(w, "code", None) for w in a.warnings] == [
        getattr(w, "code", None) for w in b.warnings
    ]


def test_a_scan_is_as_if_decoded_here(tmp_path, reader):
    rng = np.random.default_rng(3)
    volume = rng.integers(-99, 999, (5, 6, 7)).astype(np.int16)
    files = tuple(write_stack(tmp_path / "s", volume, step=1 / 3, spacing=(0.1, 0.7)))
    nifti = write_nifti(tmp_path / "v.nii.gz", volume, np.diag([1.0, -2, 3, 1]))
    colour = tmp_path / "c.png"
    Image.fromarray(rng.integers(0, 255, (4, 5, 4)).astype(np.uint8)).save(colour)
    for request in (
        Request("dicom", tmp_path / "s", files),
        Request("dicom", files[0], files[:1]),
        Request("nifti", nifti, (nifti,)),
        Request("image", colour, (colour,)),
    ):
        assert_same(reader.read(request), decode(request))


def test_real_scans_are_as_if_decoded_here(medsiam_data, reader):
    n = 0
    said = []
    for source in index_folder(medsiam_data / "dicom_samples").sources:
        request = Request(source.kind, source.path, source.files, source.part)
        try:
            here = decode(request)
        except ScanError as error:
            said.append((request, error.code, str(error)))
        else:
            assert_same(reader.read(request), here)
            n += 1
    assert n > 15
    for request, code, message in said:
        with pytest.raises(ScanError) as caught:
            reader.read(request)
        assert (caught.value.code, str(caught.value)) == (code, message)


def test_names_that_are_no_text_and_relative_paths(tmp_path, reader, monkeypatch):
    for k in range(2):  # the second time in another folder, with the same process
        folder = tmp_path / str(k)
        folder.mkdir()
        name = Path(os.fsdecode(b"M\xfcller.png"))
        picture(folder / name, k)
        monkeypatch.chdir(folder)
        scan = reader.read(Request("image", name, (name,)))
        assert scan.sources == (name,)
        assert scan.array[0, 0] == k


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_costs_one_read(tmp_path, reader, long_series, number):
    small = picture(tmp_path / "x.png", 7)
    reader.read(small)
    first = reader.pid
    during_a_read(reader, lambda pid: os.kill(pid, number))
    with pytest.raises(ScanError, match=number.name) as caught:
        reader.read(long_series)
    assert caught.value.code == "reader_crashed"
    assert reader.read(small).array[0, 0] == 7
    assert reader.pid != first


def test_a_read_can_be_interrupted_from_another_thread(tmp_path, reader, long_series):
    small = picture(tmp_path / "x.png", 7)
    reader.interrupt()  # nothing to end yet
    reader.read(small)
    during_a_read(reader, lambda pid: reader.interrupt())
    assert code_of(reader, long_series) == "reader_crashed"
    assert reader.read(small).array[0, 0] == 7


def test_a_process_that_died_between_reads_costs_nothing(tmp_path, reader):
    small = picture(tmp_path / "x.png", 7)
    reader.read(small)
    os.kill(reader.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert reader.read(small).array[0, 0] == 7


def test_a_hang_costs_its_time_and_one_read(tmp_path, long_series, monkeypatch):
    monkeypatch.setattr(worker, "SECONDS_PER_FILE", 0.0)
    small = picture(tmp_path / "x.png", 7)
    with ReadingWorker(wall_seconds=0.6) as reader:
        reader.read(small)
        stopped = reader.pid
        during_a_read(reader, lambda pid: os.kill(pid, signal.SIGSTOP))
        began = time.monotonic()
        assert code_of(reader, long_series) == "timed_out"
        assert time.monotonic() - began < 5
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)
        assert reader.read(small).array[0, 0] == 7


def test_a_reader_that_takes_no_orders_is_left(tmp_path, long_series, monkeypatch):
    """The names of many files fill the pipe: not even asking may wait for ever."""
    monkeypatch.setattr(worker, "SECONDS_PER_FILE", 0.0)
    small = picture(tmp_path / "x.png", 7)
    many = Request("dicom", long_series.path, long_series.files * 60)
    with ReadingWorker(wall_seconds=0.5) as reader:
        reader.read(small)
        os.kill(reader.pid, signal.SIGSTOP)
        assert code_of(reader, many) == "timed_out"
        assert reader.read(small).array[0, 0] == 7


def test_memory_has_a_ceiling(tmp_path):
    path = tmp_path / "large.png"
    Image.new("L", (9000, 9000)).save(path, compress_level=1)
    small = picture(tmp_path / "x.png", 7)
    with ReadingWorker(memory_bytes=400 << 20) as reader:
        reader.read(small)
        first = reader.pid
        assert code_of(reader, Request("image", path, (path,))) == "too_large"
        assert reader.read(small).array[0, 0] == 7
        assert reader.pid == first


GARBAGE = [
    b"\n",
    b"words\n",
    b"\xff\xfe\n",
    b'{"scan": {}, "shape": [2, 2], "axes": [0, 1]}\n',  # and then too few bytes
    b'{"scan": {}, "shape": [99999, 99999, 99], "axes": [0, 1]}\n',
    b'{"scan": {"spatial_dims": 2}, "shape": [1, 1], "axes": [0, 7]}\n0000',
    b'{"scan": {"spatial_dims": 9}, "shape": [1, 1], "axes": [0, 1]}\n0000',
    b'{"scan": {"made_up": 9}, "shape": [1, 1], "axes": [0, 1]}\n0000',
    b'{"scan": {"modality": {"pickle": "x"}}, "shape": [1, 1], "axes": [0, 1]}\n0000',
    b'{"fault": {"code": "made_up", "message": ""}}\n',
]


@pytest.mark.parametrize("said", GARBAGE)
def test_a_reader_that_talks_nonsense_is_ended(tmp_path, monkeypatch, said):
    monkeypatch.setattr(
        worker,
        "_START",
        "import sys; sys.stdin.readline(); out = sys.stdout.buffer; "
        f"out.write({READY!r}); out.flush(); sys.stdin.readline(); "
        f"out.write({said!r}); out.flush(); out.close()",
    )
    with ReadingWorker() as reader:
        assert code_of(reader, picture(tmp_path / "x.png", 7)) == "reader_crashed"
        assert reader.pid is None


def test_each_thread_gets_its_own_answer(tmp_path, reader):
    requests = [picture(tmp_path / f"{k}.png", k) for k in range(8)]
    wrong = []

    def many(k: int) -> None:
        for _ in range(40):
            scan = reader.read(requests[k])
            if scan.sources != requests[k].files or not (scan.array == k).all():
                wrong.append(k)

    threads = [threading.Thread(target=many, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_interrupt_leaves_nothing_behind(tmp_path, reader, long_series):
    small = picture(tmp_path / "x.png", 7)
    reader.read(small)
    main = threading.main_thread().ident
    during_a_read(reader, lambda pid: signal.pthread_kill(main, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        reader.read(long_series)
    assert reader.pid is None
    assert reader.read(small).array[0, 0] == 7


def test_who_looks_at_the_process_learns_nothing_of_the_patient(tmp_path, reader):
    folder = tmp_path / SECRET_ID
    folder.mkdir()
    reader.read(picture(folder / "x.png", 7))
    assert SECRET_ID.encode() not in Path(f"/proc/{reader.pid}/cmdline").read_bytes()
    assert [path.name for path in folder.iterdir()] == ["x.png"]


def test_it_has_its_own_session_and_leaves_no_core(tmp_path, reader):
    reader.read(picture(tmp_path / "x.png", 7))
    assert os.getsid(reader.pid) == reader.pid
    limits = Path(f"/proc/{reader.pid}/limits").read_text().splitlines()
    ceilings = {line[:25].strip(): line[25:].split()[0] for line in limits}
    assert ceilings["Max core file size"] == "0"
    assert 0 < int(ceilings["Max address space"]) <= worker.MEMORY_BYTES


def test_a_process_that_cannot_start_is_an_error_of_its_own(tmp_path, monkeypatch):
    small = picture(tmp_path / "x.png", 7)
    with ReadingWorker() as reader, monkeypatch.context() as patched:
        patched.setattr(worker, "_START", "raise SystemExit(3)")
        with pytest.raises(MedsiamError, match="ended with code 3") as caught:
            reader.read(small)
        assert not isinstance(caught.value, ScanError)
    monkeypatch.setattr(sys, "executable", "/gone/python")
    with ReadingWorker() as reader, pytest.raises(MedsiamError, match="No such file"):
        reader.read(small)


def test_closed_it_starts_anew(tmp_path):
    small = picture(tmp_path / "x.png", 7)
    reader = ReadingWorker()
    assert reader.pid is None
    reader.read(small)
    gone = reader.pid
    reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(gone, 0)
    with reader:
        reader.read(small)


def run(script: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


READ = """
import os, signal, sys
from pathlib import Path
from medsiam.scans import worker
from medsiam.scans.decode import Request
path = Path(sys.argv[1])
read = lambda: worker.read_in_worker(Request("image", path, (path,))).array[0, 0]
assert read() == 7
pid = worker._WORKERS[os.getpid()].pid
"""


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_it_does_not_outlive_the_one_who_asks(tmp_path, end):
    picture(tmp_path / "x.png", 7)
    done = run(READ + f"print(pid, flush=True)\n{end}", tmp_path / "x.png")
    assert done.stderr == ""
    deadline = time.monotonic() + 10
    while is_alive(int(done.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(int(done.stdout))


def test_a_fork_reads_with_a_process_of_its_own(tmp_path):
    picture(tmp_path / "x.png", 7)
    script = READ + (
        "child = os.fork()\n"
        "assert read() == 7\n"
        "mine = worker._WORKERS[os.getpid()].pid\n"
        "assert (mine == pid) == (child != 0)\n"
        "if child:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "    assert read() == 7 and worker._WORKERS[os.getpid()].pid == pid\n"
    )
    done = run(script, tmp_path / "x.png")
    assert (done.returncode, done.stderr) == (0, "")


def test_one_for_all_reads_of_this_process(tmp_path):
    assert read_in_worker(picture(tmp_path / "x.png", 5)).array[0, 0] == 5
    shared = worker._WORKERS[os.getpid()].pid
    read_in_worker(picture(tmp_path / "y.png", 6))
    assert worker._WORKERS[os.getpid()].pid == shared
