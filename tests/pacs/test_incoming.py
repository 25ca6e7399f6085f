"""Objects amid which something goes wrong, on real lines and a real disk."""

from __future__ import annotations

import io
import shutil
import subprocess
import time

import numpy as np
import pytest
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

from tests.pacs.peers import storescu, wait_for
from tests.pacs.test_receiver import PIXELS, kept, receiving, sender
from tests.scans.written import dataset, write
from tests.small_disk import mounted

LARGE = np.zeros((2048, 2048), np.uint16)  # 8 MB


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        yield disk


def parts(folder):
    return list((folder / "received" / ".part").iterdir())


def test_a_disk_that_fills_up_amid_an_object_is_answered_and_all_goes_on(small_disk):
    with receiving(small_disk, min_free_bytes=1) as (port, said), sender(port) as association:
        began = time.monotonic()
        assert association.send_c_store(dataset(LARGE)).Status == 0xA700
        assert time.monotonic() - began < 10
        assert kept(small_disk) == []  # not even a part
        assert association.send_c_store(dataset(PIXELS)).Status == 0
        with sender(port) as another:
            assert another.send_c_store(dataset(LARGE)).Status == 0xA700
        subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
        assert association.send_c_store(dataset(LARGE)).Status == 0
        assert len(kept(small_disk)) == 2
    assert ["No space left on device" in line for line in said] == [True, True]


def test_a_disk_without_room_for_one_more_name_is_answered_as_well(small_disk):
    with receiving(small_disk, min_free_bytes=1) as (port, _), sender(port) as association:
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 12)):
                if shutil.disk_usage(small_disk).free == 0:
                    break
        assert association.send_c_store(dataset(PIXELS)).Status == 0xA700
        assert parts(small_disk) == []
        filler.unlink()
        assert association.send_c_store(dataset(PIXELS)).Status == 0


def test_another_sender_gets_its_answer_too(small_disk, tmp_path):
    path = write(tmp_path / "large" / "a.dcm", LARGE)
    with receiving(small_disk, min_free_bytes=1) as (port, _):
        words = [storescu(), "-v", "-to", "20", "127.0.0.1", str(port), str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert "OutOfResources" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "garbage",
    [b"\x03" + b"\0\0\0\x01\x02\0\0\0\xff\xff", b"\x03nonsense", b""],
    ids=["unknown command", "no command", "empty"],
)
def test_what_is_no_command_ends_the_association_and_leaves_nothing(tmp_path, garbage):
    with receiving(tmp_path) as (port, _):
        with sender(port) as association:
            fragment = P_DATA()
            fragment.presentation_data_value_list = [[1, garbage]]
            association.dul.send_pdu(fragment)
            wait_for(lambda: not association.is_established, seconds=10)
        with sender(port) as another:
            assert another.send_c_echo().Status == 0
        assert parts(tmp_path) == []


def test_a_command_amid_an_object_leaves_nothing_of_it(tmp_path):
    ds = dataset(PIXELS)
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    request.DataSet = io.BytesIO(b"x" * 100)
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    command, _ = message.encode_msg(1, 16382)
    with receiving(tmp_path) as (port, _), sender(port) as association:
        association.dul.send_pdu(command)
        wait_for(lambda: parts(tmp_path), seconds=10)
        association.dul.send_pdu(command)
        wait_for(lambda: not association.is_established, seconds=10)
        wait_for(lambda: not parts(tmp_path), seconds=10)


def test_no_other_message_fills_the_memory(tmp_path):
    with receiving(tmp_path) as (port, said), sender(port) as association:
        fragment = P_DATA()
        fragment.presentation_data_value_list = [[1, b"\x01" + bytes(1 << 14)]]
        for _ in range(80):
            association.dul.send_pdu(fragment)
        wait_for(lambda: not association.is_established, seconds=20)
        assert len(said) == 1


def test_what_one_association_sent_counts_for_no_other(tmp_path):
    with receiving(tmp_path, max_object_bytes=1 << 20) as (port, said):
        for _ in range(3):
            with sender(port) as association:
                for n in range(5):  # 0.5 MB each
                    ds = dataset(np.full((512, 512), n, np.uint16))
                    assert association.send_c_store(ds).Status == 0
    assert said == []
