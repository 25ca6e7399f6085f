from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from medsiam.scans.decode import Request
from medsiam.scans.wire import READY, Order, answer_of, order_line

START = "from medsiam.scans.serve import serve; serve(4 << 30)"


def served(orders: bytes, script: str = START) -> bytes:
    run = subprocess.run([sys.executable, "-c", script], input=orders, capture_output=True)
    assert run.returncode == 0
    assert run.stderr == b""
    assert run.stdout.startswith(READY)
    return run.stdout.removeprefix(READY)


def test_it_ends_quietly_with_its_orders():
    assert served(b"") == b""


def test_an_answer_to_each_order_in_turn(tmp_path):
    Image.fromarray(np.array([[1, 2], [3, 4]], np.uint8)).save(tmp_path / "x.png")
    orders = [
        Order(Request("image", Path("x.png"), (Path("x.png"),)), str(tmp_path), 9.0),
        Order(Request("image", Path("gone"), (Path("gone"),)), str(tmp_path), 9.0),
        Order(Request("nifti", Path("x.png"), (Path("x.png"),)), "/gone/folder", 9.0),
    ]
    line, rest = served(b"".join(map(order_line, orders))).split(b"\n", 1)
    assert json.loads(line)["shape"] == [2, 2]
    assert sorted(np.frombuffer(rest[:16], "<f4")) == [1, 2, 3, 4]
    second, third = rest[16:].splitlines()
    assert answer_of(second).code == "missing_file"
    assert str(answer_of(second)).startswith("gone: ")
    assert answer_of(third).code in ("missing_file", "damaged_nifti", "unreadable")


def test_what_decoders_print_is_no_answer():
    script = (
        "import ctypes, os, sys, medsiam.scans.serve as s; "
        "from pathlib import Path; from medsiam.scans.faults import fault\n"
        "def noisy(request):\n"
        "    os.write(1, b'by descriptor'); os.write(2, b'error'); print('by Python')\n"
        "    print('error', file=sys.stderr); sys.stdout.flush()\n"
        "    c = ctypes.CDLL(None); c.puts(b'by C'); c.fflush(None)\n"
        "    assert os.read(0, 9) == b''\n"
        "    raise fault('too_large', Path('x'), 'noise over')\n"
        "s.decode = noisy; s.serve(4 << 30)"
    )
    order = order_line(Order(Request("image", Path("x"), ()), None, 9.0))
    line, end = served(order, script).split(b"\n")
    assert answer_of(line).code == "too_large"
    assert end == b""


def test_it_imports_readers_and_nothing_that_learns():
    script = (
        "import sys; import medsiam.scans.serve, medsiam.scans.dicom.series; "
        "import medsiam.scans.nifti, medsiam.scans.image; "
        "heavy = {'torch', 'monai', 'scipy.ndimage', 'pandas', 'streamlit', 'sqlalchemy', 'rich'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
