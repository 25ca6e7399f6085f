"""The receiver, against senders that behave and senders that do not."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from medsiam.errors import MissingExtraError, UsageError
from medsiam.pacs import ReceiverSettings
from medsiam.pacs.inbox import Inbox
from medsiam.pacs.receiver import Receiver
from tests.pacs.peers import free_port, storescu, wait_for
from tests.scans.written import SECRET, SECRET_ID, dataset, write

PIXELS = np.zeros((64, 64), np.uint16)


@contextmanager
def receiving(tmp_path, **settings):
    made = ReceiverSettings(tmp_path, port=free_port(), min_free_bytes=1 << 20)
    said = []
    receiver = Receiver(replace(made, **settings), said.append)
    receiver.start()
    try:
        yield made.port, said
    finally:
        receiver.close()


@contextmanager
def sender(port, title="SENDER"):
    entity = AE(ae_title=title)
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate("127.0.0.1", port)
    line = association.dul.socket and association.dul.socket.socket
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        if line:  # pynetdicom leaves it open where the other side has closed it
            line.close()


def kept(tmp_path):
    return [path for path in (tmp_path / "received").rglob("*") if path.is_file()]


def test_echo_and_store_and_the_bytes_are_those_that_were_sent(tmp_path):
    ds = dataset(PIXELS)
    with receiving(tmp_path) as (port, said), sender(port) as association:
        assert association.send_c_echo().Status == 0
        assert association.send_c_store(ds).Status == 0
        assert association.send_c_store(ds).Status == 0
        (path,) = kept(tmp_path)
        assert pydicom.dcmread(path) == ds
    assert said == []


def test_a_caller_that_is_not_allowed_is_rejected_and_named(tmp_path):
    with receiving(tmp_path, allowed=("PACS",)) as (port, said):
        with sender(port, "STRANGER") as association:
            assert association.is_rejected
        wait_for(lambda: said)
        assert "'STRANGER' is not allowed" in said[0]
        with sender(port, "PACS") as association:
            assert association.send_c_store(dataset(PIXELS)).Status == 0


def test_a_full_disk_is_answered_with_a700_until_there_is_room(tmp_path):
    with receiving(tmp_path, min_free_bytes=1 << 60) as (port, said), sender(port) as association:
        assert association.send_c_store(dataset(PIXELS)).Status == 0xA700
        assert kept(tmp_path) == []
        assert "0xA700" in said[0]
        assert SECRET_ID not in said[0]


def test_one_uid_with_two_contents_is_kept_apart_and_said(tmp_path):
    first = dataset(PIXELS)
    second = dataset(PIXELS + 1)
    second.SOPInstanceUID = first.SOPInstanceUID
    second.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
    with receiving(tmp_path) as (port, said), sender(port) as association:
        assert association.send_c_store(first).Status == 0
        assert association.send_c_store(second).Status == 0
    assert len(kept(tmp_path)) == 1
    assert len([p for p in (tmp_path / "conflicts").rglob("*") if p.is_file()]) == 1
    assert "conflicts/" in said[0]


def test_our_own_results_are_taken_and_not_compared(tmp_path):
    with receiving(tmp_path) as (port, said), sender(port) as association:
        assert association.send_c_store(dataset(PIXELS, Manufacturer="medsiam")).Status == 0
    assert kept(tmp_path) == []
    assert said == []


def test_an_object_without_its_uids_is_refused(tmp_path):
    with receiving(tmp_path) as (port, said), sender(port) as association:
        assert association.send_c_store(dataset(PIXELS, series=None)).Status == 0xC000
    assert kept(tmp_path) == []
    assert SECRET not in "".join(said)


def test_an_object_that_is_too_large_ends_its_association_and_leaves_nothing(tmp_path):
    large = dataset(np.zeros((2048, 2048), np.uint16))
    with receiving(tmp_path, max_object_bytes=1 << 20) as (port, said), sender(port) as association:
        assert "Status" not in association.send_c_store(large)
        wait_for(lambda: said)
        with sender(port) as another:
            assert another.send_c_store(dataset(PIXELS)).Status == 0
        assert (
            len([p for p in kept(tmp_path) if p.suffix == ".dcm" and ".part" not in p.parts]) == 1
        )
    assert "at most 1 MB" in said[0]


def test_a_sender_killed_amid_an_object_leaves_nothing_to_see(tmp_path):
    folder = tmp_path / "large"
    path = write(folder / "a.dcm", np.zeros((8192, 8192), np.uint16))
    with receiving(tmp_path) as (port, _):
        process = subprocess.Popen([storescu(), "127.0.0.1", str(port), str(path)])
        part = tmp_path / "received" / ".part"
        wait_for(lambda: any(file.stat().st_size > 1 << 16 for file in part.iterdir()))
        process.kill()
        process.wait()
        with sender(port) as association:
            assert association.send_c_store(dataset(PIXELS)).Status == 0
        seen = [p for p in kept(tmp_path) if ".part" not in p.parts]
        assert len(seen) == 1


def test_a_silent_association_is_ended(tmp_path):
    with receiving(tmp_path, idle_seconds=0.5) as (port, _), sender(port) as association:
        assert association.is_established
        wait_for(lambda: not association.is_established, seconds=10)


def test_a_pdu_of_four_gigabytes_is_not_waited_for(tmp_path):
    with receiving(tmp_path) as (port, _):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(b"\x01\0" + (0xFFFFFFF0).to_bytes(4, "big") + b"x" * 5000)
            try:
                answered = line.recv(100)
            except ConnectionResetError:
                answered = b""
            assert answered == b""
        with sender(port) as association:
            assert association.send_c_echo().Status == 0


def test_a_port_in_use_and_an_address_that_is_not_ours_are_one_clear_line(tmp_path):
    with receiving(tmp_path) as (port, _):
        second = Receiver(ReceiverSettings(tmp_path / "b", port=port), print)
        with pytest.raises(UsageError, match=f"port {port}: .*in use"):
            second.start()
    third = Receiver(ReceiverSettings(tmp_path / "c", address="192.0.2.1", port=port), print)
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"):
        third.start()


def test_nothing_is_written_under_a_name_that_the_sender_chose(tmp_path):
    ds = dataset(PIXELS, PatientName="DOE^JANE", PatientID="../../x")
    with receiving(tmp_path) as (port, _), sender(port) as association:
        association.send_c_store(ds)
    names = [name for _, folders, files in os.walk(tmp_path) for name in (*folders, *files)]
    assert not [name for name in names if "DOE" in name or ds.SOPInstanceUID in name]


def test_without_the_extra_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynetdicom", None)
    with pytest.raises(MissingExtraError, match="pynetdicom is not installed"):
        Receiver(ReceiverSettings(tmp_path), print).start()


def test_a_sender_that_waits_for_a_slow_disk_is_not_taken_for_silent(tmp_path):
    class SlowDisk(Inbox):
        def keep(self, path, instance):
            time.sleep(1.5)
            return super().keep(path, instance)

    made = ReceiverSettings(tmp_path, port=free_port(), min_free_bytes=1, idle_seconds=1.0)
    receiver = Receiver(made, print)
    receiver._inbox = SlowDisk(tmp_path)
    receiver.start()
    try:
        with sender(made.port) as association:
            for n in range(2):
                assert association.send_c_store(dataset(PIXELS + n)).Status == 0
    finally:
        receiver.close()
