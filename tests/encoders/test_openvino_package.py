from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from medsiam.encoders.openvino_package import has_bf16, openvino, openvino_version

# What openvino does by itself when it is imported and when it converts a network.
WATCH = """
import os, sys
touched = []
def watch(event, arguments):
    name = str(arguments[0]) if arguments else ""
    home = os.environ["HOME"]
    if event in ("open", "os.mkdir") and name.startswith(home):
        touched.append((event, name))
    elif event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork"):
        touched.append((event, name))
from medsiam.encoders import export_openvino
from tests.encoders.exporting import batch, whitened
encoder = whitened(2)
sys.addaudithook(watch)
encoder.on("openvino", export_openvino(encoder)).embed_tensors(batch(encoder, 2))
print(touched, "openvino" in sys.modules)
"""


def test_it_reports_to_nobody(tmp_path):
    surroundings = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        env=surroundings | {"HOME": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] True"
    assert not (tmp_path / "intel").exists()


# Ctrl-C after graphs were used and let go.
INTERRUPT = """
import gc, os, signal
from medsiam.encoders import export_openvino
from tests.encoders.exporting import batch, whitened
encoder = whitened(2)
exported = export_openvino(encoder)
for _ in range(2):
    fast = encoder.on("openvino", exported)
    fast.embed_tensors(batch(encoder, 1))
    fast.embed_tensors(batch(encoder, 3))
    del fast
    gc.collect()
try:
    os.kill(os.getpid(), signal.SIGINT)
    raise SystemExit("nothing came")
except KeyboardInterrupt:
    print("caught")
"""


def test_a_signal_is_only_a_signal_when_graphs_are_gone():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "caught")


def test_its_version_without_importing_it():
    assert openvino_version() == version("openvino")
    assert openvino().__version__.startswith(str(openvino_version()))


def test_bf16_is_what_the_processor_says():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next(line for line in lines if line.startswith("flags")).split()
    assert has_bf16() == ("avx512_bf16" in flags or "amx_bf16" in flags)
