"""Claim: of what four senders send at once nothing is lost or taken twice, and each result reaches
an archive that was away for a minute exactly once.

python benchmarks/pacs.py [--objects 250] [--away 60]

Needs Debian's orthanc, orthanc-dicomweb, dcmtk and dicom3tools. Two senders are dcmtk's storescu,
two are pynetdicom; a fifth is killed amid an object, again and again. `medsiam listen` compares
what comes with a bank of phantoms (an untrained encoder: the figures are of the way, not of the
answer). Orthanc is stopped before the first object and started `--away` seconds after the last.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pydicom
from machine import write_result
from pynetdicom import AE

from medsiam import ReferenceBank, read_case_table
from medsiam.bank import add_case_table
from medsiam.encoders import Architecture, new_encoder
from medsiam.phantoms import write_cases
from medsiam.preprocessing import Recipe
from tests.pacs.peers import Orthanc, free_port, orthanc, storescu, wait_for
from tests.reports.dicom_tools import faults, report_text
from tests.scans.written import write, write_stack

SLICES = 25
KILLS = 8
NO_ANSWER: list[float] = []  # seconds until a sender gave up an object, to send it again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=250, help="of each sender")
    parser.add_argument("--away", type=float, default=60.0, help="seconds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        figures = measure(Path(folder), args.objects // SLICES, args.away)
    for name, value in figures.items():
        print(f"{name:36} {value}")
    write_result("pacs", figures)


def measure(folder: Path, n_series: int, away: float) -> dict[str, Any]:
    bank = small_bank(folder / "bank")
    sources = [
        [series(folder / f"sender_{n}", 100 * n + s) for s in range(n_series)] for n in range(4)
    ]
    out, port = folder / "out", free_port()
    with orthanc(folder / "pacs") as archive:
        archive.stop()
        listener = listen(bank, out, port, archive)
        try:
            began = time.monotonic()
            send_all(sources, port, folder)
            sending = time.monotonic() - began
            objects = 2 * 4 * n_series
            wait_for(lambda: len(waiting(out)) == objects, seconds=1200)
            comparing = time.monotonic() - began
            time.sleep(max(0.0, began + sending + away - time.monotonic()))
            archive.start()
            back = time.monotonic()
            wait_for(lambda: not waiting(out), seconds=600)
            delivering = time.monotonic() - back
            figures = received(sources, out) | delivered(sources, archive, folder)
            send_all(sources, port, folder, killed=0)  # all of it once more
            time.sleep(10)
            again = received(sources, out) | delivered(sources, archive, folder)
        finally:
            told = time.monotonic()
            listener.terminate()
            listener.wait(30)
            ending = time.monotonic() - told
    print(f"no answer after {NO_ANSWER} s")
    same = {name: again[name] == value for name, value in figures.items()}
    return figures | {
        "nothing_changed_when_sent_again": all(same.values()),
        "sent_again_for_want_of_an_answer": len(NO_ANSWER),
        "seconds_to_send": round(sending, 1),
        "objects_per_second": round(4 * n_series * SLICES / sending, 1),
        "seconds_until_all_compared": round(comparing, 1),
        "seconds_until_delivered_after_return": round(delivering, 1),
        "seconds_to_end": round(ending, 1),
    }


def small_bank(folder: Path) -> ReferenceBank:
    architecture = Architecture(spatial_dims=3, backbone="resnet10", width=0.25, embedding_dim=8)
    recipe = Recipe(spatial_dims=3, spatial_size=(16, 16, 16))
    encoder = new_encoder(architecture, recipe, name="tiny", licence="test only")
    bank = ReferenceBank.create(folder / "bank", encoder)
    cases = write_cases(
        folder / "cases",
        spatial_dims=3,
        conditions=("dumbbell", "crescent"),
        n_patients=3,
        random_state=1,
    )
    add_case_table(bank, read_case_table(cases))
    return bank


def series(folder: Path, number: int) -> Path:
    """One study of one series of small slices."""
    volume = np.random.default_rng(number).integers(0, 900, size=(SLICES, 64, 64))
    uid = f"1.2.826.0.1.3680043.8.498.77.{number}"
    how = {"PatientID": f"SYN-{number}", "StudyInstanceUID": uid, "series": f"{uid}.1"}
    write_stack(folder / str(number), volume.astype(np.uint16), **how)
    return folder / str(number)


def listen(bank: ReferenceBank, out: Path, port: int, archive: Orthanc) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "medsiam", "listen", "--bank", str(bank.path)]
    command += ["--out", str(out), "--port", str(port), "--quiet-seconds", "5"]
    process = subprocess.Popen([*command, "--send", archive.peer])
    echo = [str(shutil.which("echoscu")), "127.0.0.1", str(port)]
    wait_for(lambda: subprocess.run(echo, capture_output=True, check=False).returncode == 0)
    return process


def send_all(sources: list[list[Path]], port: int, folder: Path, killed: int = KILLS) -> None:
    """Four senders at once, and one that is killed amid its object."""
    work = [
        threading.Thread(target=by_storescu if n % 2 else by_pynetdicom, args=(folders, port))
        for n, folders in enumerate(sources)
    ]
    large = write(folder / "large.dcm", np.zeros((8192, 4096), np.uint16))
    work.append(threading.Thread(target=by_killed, args=(large, port, killed)))
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()


def by_storescu(folders: list[Path], port: int) -> None:
    for folder in folders:
        command = [storescu(), "+sd", "127.0.0.1", str(port), str(folder)]
        subprocess.run(command, check=True)


def by_pynetdicom(folders: list[Path], port: int) -> None:
    """Send as a modality does: what got no answer is sent once more, over another association."""
    entity = AE()
    entity.add_requested_context(pydicom.uid.CTImageStorage, pydicom.uid.ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", port)
    for file in (file for folder in folders for file in sorted(folder.iterdir())):
        began = time.monotonic()
        while association.send_c_store(file).get("Status") != 0:
            NO_ANSWER.append(round(time.monotonic() - began, 1))
            association = entity.associate("127.0.0.1", port)
    association.release()


def by_killed(large: Path, port: int, times: int) -> None:
    for number in range(times):
        process = subprocess.Popen([storescu(), "127.0.0.1", str(port), str(large)])
        time.sleep(0.02 + 0.02 * number)
        process.kill()
        process.wait()


def waiting(out: Path) -> list[Path]:
    return list((out / "outbox").glob("*.dcm"))


def received(sources: list[list[Path]], out: Path) -> dict[str, int]:
    """What lies in the inbox, held against what was sent, by the pixels of each object."""
    sent = Counter(
        pixels(file) for sender in sources for folder in sender for file in folder.iterdir()
    )
    large = hashlib.sha256(bytes(8192 * 4096 * 2)).hexdigest()  # of a sender that was too quick
    found = Counter(pixels(file) for file in (out / "received").glob("[0-9a-f]*/*"))
    found.pop(large, None)
    return {
        "objects_sent": sum(sent.values()),
        "objects_lost": sum((sent - found).values()),
        "objects_twice_or_damaged": sum((found - sent).values()),
        "half_objects_visible": len(list((out / "received" / ".part").iterdir())),
        "conflicts": len(list((out / "conflicts").rglob("*.dcm"))),
        "series_with_results": len(list((out / "results").iterdir())) - (large in found),
    }


def pixels(file: Path) -> str:
    return hashlib.sha256(pydicom.dcmread(file).PixelData).hexdigest()


def delivered(sources: list[list[Path]], archive: Orthanc, folder: Path) -> dict[str, int]:
    """What the archive holds of each study, asked by QIDO; each report is judged."""
    reports, panels, errors = Counter[int](), Counter[int](), 0
    for study in (f for sender in sources for f in sender):
        uid = str(pydicom.dcmread(next(study.iterdir())).StudyInstanceUID)
        found = archive.qido(f"/studies/{uid}/instances") or []
        reports[sum(one["00080060"]["Value"] == ["SR"] for one in found)] += 1
        panels[sum(one["00080060"]["Value"] == ["OT"] for one in found)] += 1
        for one in found:
            own = archive.post("/tools/lookup", one["00080018"]["Value"][0].encode())[0]["ID"]
            path = folder / "judged.dcm"
            path.write_bytes(archive.file(own))
            errors += len(faults(path))
            if one["00080060"]["Value"] == ["SR"]:
                assert "Research use only" in report_text(path)
    changes = archive.get("/changes?limit=100000")["Changes"]
    return {
        "studies_with_one_report": reports[1],
        "studies_with_one_panel": panels[1],
        "studies_with_another_number": sum(reports.values()) - min(reports[1], panels[1]),
        "instances_in_archive": archive.get("/statistics")["CountInstances"],
        "arrivals_in_archive": sum(one["ChangeType"] == "NewInstance" for one in changes),
        "validator_errors": errors,
    }


if __name__ == "__main__":
    main()
