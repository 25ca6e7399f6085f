"""Sending, to peers that answer in every way a peer may."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt

from medsiam.comparison import compare_embedding
from medsiam.errors import MissingExtraError
from medsiam.pacs import PeerAddress, send_by_store, send_by_stow
from medsiam.reports import write_dicom_results
from medsiam.scans import read_scan
from tests.comparison.stub_bank import ring_bank
from tests.pacs.peers import free_port, orthanc
from tests.scans.written import np, write


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    scan = read_scan(write(folder / "query.dcm", np.eye(32, dtype=np.uint16)))
    bank = ring_bank()
    comparison = compare_embedding(bank.embeddings[0], scan, bank)
    written = write_dicom_results(comparison, scan, bank, folder / "out")
    return [written.report, written.panel]


@contextmanager
def peer(status=0x0000, *, syntaxes=(ExplicitVRLittleEndian,), calling=(), classes=None):
    """A storage SCP in this process; yields its address and what it got."""
    entity = AE(ae_title="PEER")
    entity.require_calling_aet = list(calling)
    entity.require_called_aet = True
    for uid in classes or ("1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.7"):
        entity.add_supported_context(uid, list(syntaxes))
    got = []

    def store(event):
        got.append(event.dataset)
        return status

    port = free_port()
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        yield PeerAddress("PEER", "127.0.0.1", port), got
    finally:
        server.shutdown()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_both_objects_arrive_whole_in_the_syntax_that_the_peer_takes(results, syntax):
    with peer(syntaxes=(syntax,)) as (address, got):
        replies = send_by_store(address).send(results)
    assert [one.reply for one in replies] == ["taken"] * 2
    for path, ds in zip(results, got, strict=True):
        sent = pydicom.dcmread(path)
        assert [(one.tag, one.value) for one in ds] == [(one.tag, one.value) for one in sent]


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (0xB000, "taken"),
        (0xA700, "later"),
        (0x0110, "later"),
        (0xA900, "refused"),
        (0xC123, "refused"),
    ],
)
def test_what_a_status_means(results, status, reply):
    with peer(status) as (address, _):
        (answer,) = send_by_store(address).send(results[:1])
    assert answer.reply == reply
    assert reply == "taken" or f"0x{status:04X}" in answer.reason


def test_a_peer_that_does_not_know_us_or_is_called_by_another_name_or_is_not_there(results):
    with peer(calling=("OTHER",)) as (address, _):
        (answer,) = send_by_store(address).send(results[:1])
        assert answer.reply == "later"
        assert "calling AE title MEDSIAM" in answer.reason
    with peer() as (address, _):
        wrong = PeerAddress("WRONG", address.host, address.port)
        (answer,) = send_by_store(wrong).send(results[:1])
        assert "another AE title than the one we call" in answer.reason
    (answer,) = send_by_store(PeerAddress("X", "127.0.0.1", free_port())).send(results[:1])
    assert "cannot be reached" in answer.reason


def test_a_peer_that_takes_pictures_only(results):
    with peer(classes=("1.2.840.10008.5.1.4.1.1.7",)) as (address, got):
        report, panel = send_by_store(address).send(results)
    assert (report.reply, panel.reply) == ("later", "taken")
    assert "SOP class" in report.reason
    assert len(got) == 1


def test_a_real_archive_holds_an_object_once_however_often_and_by_whatever_way(results, tmp_path):
    with orthanc(tmp_path) as archive:
        address = PeerAddress("ORTHANC", "127.0.0.1", archive.dicom)
        for destination in (send_by_stow(archive.web), send_by_store(address)) * 2:
            assert [one.reply for one in destination.send(results)] == ["taken"] * 2
        instances = archive.get("/instances")
        assert len(instances) == 2
        stored = [pydicom.dcmread(io.BytesIO(archive.file(one))) for one in instances]
    sent = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, results)}
    assert all(sent[ds.SOPInstanceUID] == ds for ds in stored)


@pytest.mark.parametrize(("code", "reply"), [(503, "later"), (401, "later"), (409, "refused")])
def test_what_a_service_may_answer(results, code, reply):
    class Service(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(code)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/dicom-web"
        (answer,) = send_by_stow(url).send(results[:1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert answer.reply == reply
    assert str(code) in answer.reason


def test_a_service_that_is_not_there(results):
    (answer,) = send_by_stow(f"http://127.0.0.1:{free_port()}/x").send(results[:1])
    assert answer.reply == "later"
    assert "cannot be reached" in answer.reason


@pytest.mark.parametrize(
    ("module", "make"),
    [
        ("pynetdicom", lambda: send_by_store(PeerAddress("A", "h", 1))),
        ("dicomweb_client.api", lambda: send_by_stow("http://h")),
    ],
)
def test_without_the_extra_one_line_says_what_to_install(monkeypatch, module, make):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match="pip install"):
        make()
