"""Real peers on loopback: Debian's Orthanc with DICOMweb, and dcmtk's storescu."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ORTHANC_TITLE = "ORTHANC"
_DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def storescu() -> str:
    found = shutil.which("storescu")
    if found is None:
        pytest.skip("storescu is not installed (apt-get install dcmtk)")
    return found


def wait_for(what, seconds=60.0):
    """The first true answer of `what`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


class Orthanc:
    """An archive that can be stopped, and started again with the same ports and store."""

    def __init__(self, folder: Path, **peers) -> None:
        self.folder = folder
        self.dicom, self.http = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        config = {
            "Name": "test",
            "StorageDirectory": str(folder / "store"),
            "IndexDirectory": str(folder / "store"),
            "Plugins": [str(_DICOMWEB)],
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "DicomAet": ORTHANC_TITLE,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomModalities": {name: list(peer) for name, peer in peers.items()},
            "DicomCheckCalledAet": True,
            "StorageCompression": False,
            "ConcurrentJobs": 1,
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orthanc.json").write_text(json.dumps(config))

    @property
    def peer(self) -> str:
        return f"{ORTHANC_TITLE}@127.0.0.1:{self.dicom}"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["Orthanc", str(self.folder / "orthanc.json")], stdout=log, stderr=log
            )
        wait_for(self._answers)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def get(self, path: str):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def post(self, path: str, data: bytes):
        url = f"http://127.0.0.1:{self.http}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:
            return json.loads(answer.read())

    def file(self, instance: str) -> bytes:
        url = f"http://127.0.0.1:{self.http}/instances/{instance}/file"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read()

    def qido(self, path: str):
        """A DICOMweb search; Orthanc answers with text where it finds nothing."""
        return self.get(f"/dicom-web{path}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return bool(self.get("/system"))
        except OSError:
            return False


@contextmanager
def orthanc(folder: Path, **peers):
    """A running archive; `peers` are name=(AE title, host, port) that it may send to."""
    if shutil.which("Orthanc") is None or not _DICOMWEB.is_file():
        pytest.skip("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb)")
    archive = Orthanc(folder, **peers)
    archive.start()
    try:
        yield archive
    finally:
        archive.stop()
