"""The whole way, with a real archive: it sends a study, and its report comes back once."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager

import numpy as np
import pydicom
import pytest

from medsiam.errors import LockedError
from medsiam.pacs import Listener, ReceiverSettings, parse_peer, send_by_store, send_by_stow
from medsiam.phantoms import make_phantom, write_dicom
from tests.pacs.peers import free_port, orthanc, storescu, wait_for
from tests.reports.dicom_tools import faults, report_text
from tests.scans.written import write_stack


def study(folder, number):
    """Twelve small slices."""
    volume = np.random.default_rng(number).integers(0, 900, size=(12, 16, 16)).astype(np.uint16)
    uid = f"1.2.826.0.1.3680043.8.498.4.{number}"
    how = {"PatientID": f"SYN-PACS-{number}", "StudyInstanceUID": uid, "series": f"{uid}.1"}
    write_stack(folder / str(number), volume, **how)
    return folder / str(number)


def phantom_study(folder, number):
    phantom = make_phantom(
        "dumbbell", spatial_dims=3, patient_id=f"SYN-PACS-{number}", random_state=number
    )
    return write_dicom(phantom, folder / str(number))


def study_uid(folder):
    return str(pydicom.dcmread(next(folder.iterdir())).StudyInstanceUID)


@contextmanager
def listening(bank, folder, port, destination=None, **settings):
    """A listener in a thread; yields what it said."""
    said, ready, end = [], threading.Event(), threading.Event()
    made = ReceiverSettings(folder, port=port, min_free_bytes=1 << 20)
    listener = Listener(
        bank, made, say=said.append, quiet_seconds=0.5, destination=destination, **settings
    )
    thread = threading.Thread(
        target=listener.run, kwargs={"started": ready.set, "until": end.is_set}
    )
    thread.start()
    try:
        assert ready.wait(60)
        yield said
    finally:
        end.set()
        thread.join(20)
        assert not thread.is_alive()


def send(port, folder, *options):
    subprocess.run(
        [storescu(), *options, "+sd", "127.0.0.1", str(port), str(folder)], check=True, timeout=60
    )


def results(archive, uid):
    """Series of a study that medsiam made."""
    found = archive.qido(f"/studies/{uid}/series") or []
    return [one for one in found if one["00080060"]["Value"][0] in ("SR", "OT")]


def test_an_archive_sends_a_study_and_its_report_comes_back_and_opens(phantom_bank, tmp_path):
    port = free_port()
    with orthanc(tmp_path / "pacs", medsiam=("MEDSIAM", "127.0.0.1", port)) as archive:
        source = phantom_study(tmp_path, 1)
        uid = study_uid(source)
        for file in source.iterdir():
            archive.post("/instances", file.read_bytes())
        destination = send_by_store(parse_peer(archive.peer))
        with listening(phantom_bank, tmp_path / "out", port, destination) as said:
            (own,) = archive.get("/studies")
            archive.post("/modalities/medsiam/store", own.encode())
            wait_for(lambda: len(results(archive, uid)) == 2)
            (report,) = archive.qido(f"/studies/{uid}/instances?00080060=SR")
            sop = report["00080018"]["Value"][0]
            found = archive.post("/tools/lookup", sop.encode())
            path = tmp_path / "back.dcm"
            path.write_bytes(archive.file(found[0]["ID"]))
            assert faults(path) == []
            text = report_text(path)
            (kept,) = (tmp_path / "out" / "results").iterdir()
            document = json.loads(kept.read_text())
            comparison = document["outcomes"][0]["comparison"]
            assert comparison["verdict"]["text"] in text
            assert all(match["case_id"] in text for match in comparison["matches"])

            archive.post("/modalities/medsiam/store", own.encode())  # all of it once more
            wait_for(lambda: len(list((tmp_path / "out" / "outbox").glob("*.dcm"))) == 0)
            assert len(archive.qido(f"/studies/{uid}/instances?00080060=SR")) == 1
            assert len(results(archive, uid)) == 2
        spoken = "\n".join(said) + kept.read_text()
        assert "SYN-PACS" not in spoken
        names = [str(p.relative_to(tmp_path)) for p in (tmp_path / "out").rglob("*")]
        assert not [name for name in names if "SYN" in name]


def test_what_a_stopped_archive_did_not_get_it_gets_once_when_it_is_back(phantom_bank, tmp_path):
    port = free_port()
    with orthanc(tmp_path / "pacs") as archive:
        destination = send_by_stow(archive.web)
        with listening(phantom_bank, tmp_path / "out", port, destination) as said:
            archive.stop()
            sources = [study(tmp_path, number) for number in (2, 3)]
            for source in sources:
                send(port, source)
            waiting = tmp_path / "out" / "outbox"
            wait_for(lambda: len(list(waiting.glob("*.dcm"))) == 4)
            wait_for(lambda: any("cannot be reached" in line for line in said))
            archive.start()
            wait_for(lambda: not list(waiting.glob("*.dcm")), seconds=60)
            for source in sources:
                assert len(results(archive, study_uid(source))) == 2
            assert archive.get("/statistics")["CountInstances"] == 4


def test_a_listener_that_was_ended_goes_on_where_it_was_and_does_nothing_twice(
    phantom_bank, tmp_path
):
    port, out = free_port(), tmp_path / "out"
    with listening(phantom_bank, out, port):
        send(port, study(tmp_path, 4))
        (kept,) = wait_for(lambda: list((out / "results").glob("*.json")))
        before = kept.stat().st_mtime_ns
    with listening(phantom_bank, out, port) as said:
        send(port, study(tmp_path, 5))
        wait_for(lambda: said)
    assert len(list((out / "results").glob("*.json"))) == 2
    assert len(said) == 1
    assert kept.stat().st_mtime_ns == before


def test_a_series_that_grows_is_compared_anew_and_one_that_cannot_be_says_why(
    phantom_bank, tmp_path
):
    port, out = free_port(), tmp_path / "out"
    source = study(tmp_path, 6)
    part = tmp_path / "part"
    part.mkdir()
    files = sorted(source.iterdir())
    for file in files[::3]:
        (part / file.name).write_bytes(file.read_bytes())
    (part / files[3].name).unlink()  # a hole between slices

    def outcome():
        (kept,) = wait_for(lambda: list((out / "results").glob("*.json")))
        return json.loads(kept.read_text())["outcomes"][0]

    with listening(phantom_bank, out, port):
        send(port, part)
        assert outcome()["code"] in ("missing_slices", "uneven_slices")
        send(port, source)
        wait_for(lambda: outcome()["outcome"] == "scored")


def test_no_planted_name_is_anywhere_but_in_dicom_objects(phantom_bank, tmp_path):
    planted = {
        "PatientName": "ZWYNN^OLUF",
        "PatientBirthDate": "19470309",
        "OtherPatientIDs": "OTHQ-7001",
        "PatientAddress": "QUAYSTREET 7",
        "AccessionNumber": "ACCQ88123",
        "ReferringPhysicianName": "REFERQ^ER",
        "InstitutionName": "INSTQ",
        "StudyDescription": "STUDYQ of ZWYNN",
        "SeriesDescription": "SERIESQ",
        "PatientID": "QX-550-091",
    }
    port, out, source = free_port(), tmp_path / "out", tmp_path / "ZWYNN_OLUF"
    volume = np.random.default_rng(0).integers(0, 900, size=(12, 16, 16)).astype(np.uint16)
    write_stack(source, volume, **planted)
    with listening(phantom_bank, out, port) as said:
        send(port, source)
        wait_for(lambda: list((out / "results").glob("*.json")))
    others = [p for p in out.rglob("*") if p.is_file() and p.suffix != ".dcm"]
    text = "\n".join([*said, *(p.read_text() for p in others), *map(str, out.rglob("*"))])
    assert not [value for value in planted.values() if value in text]
    written = b"".join(path.read_bytes() for path in (out / "dicom").iterdir())
    never = ("OtherPatientIDs", "PatientAddress", "InstitutionName", "SeriesDescription")
    assert not [key for key in never if planted[key].encode() in written]
    assert planted["PatientID"].encode() in written


def test_old_series_are_dropped_once_they_are_compared(phantom_bank, tmp_path):
    port, out = free_port(), tmp_path / "out"
    with listening(phantom_bank, out, port, keep_hours=0.0):
        send(port, study(tmp_path, 7))
        wait_for(lambda: list((out / "results").glob("*.json")))
        wait_for(lambda: not list((out / "received").glob("[0-9a-f]*")))
        assert list((out / "dicom").iterdir())


def test_what_is_no_image_is_accounted_for(phantom_bank, tmp_path):
    port, out = free_port(), tmp_path / "out"
    with listening(phantom_bank, out, port):
        send(port, study(tmp_path, 9))
        wait_for(lambda: list((out / "results").glob("*.json")))
        report = next(p for p in (out / "dicom").iterdir() if pydicom.dcmread(p).Modality == "SR")
        ds = pydicom.dcmread(report)
        ds.Manufacturer = "another"
        ds.save_as(tmp_path / "report.dcm")
        send(port, tmp_path / "report.dcm", "-R")
        wait_for(lambda: len(list((out / "results").glob("*.json"))) == 2)
    outcomes = [json.loads(p.read_text())["outcomes"] for p in (out / "results").iterdir()]
    assert sorted(one[0]["outcome"] for one in outcomes) == ["scored", "skipped"]
    assert {one[0].get("code") for one in outcomes} == {None, "not_an_image"}


def test_two_listeners_do_not_share_a_folder(phantom_bank, tmp_path):
    with listening(phantom_bank, tmp_path / "out", free_port()):
        settings = ReceiverSettings(tmp_path / "out", port=free_port())
        with pytest.raises(LockedError, match="another run writes here"):
            Listener(phantom_bank, settings, say=print).run()
