from __future__ import annotations

from types import SimpleNamespace

import pytest

from shell import upload_ceiling
from shell.upload_ceiling import MAX_FILES, UploadCeiling
from tests.app.asgi import Client, anything


@pytest.fixture
def held(monkeypatch) -> dict[str, dict[str, SimpleNamespace]]:
    """What sessions have uploaded; the ceiling is 1 MB."""
    files: dict[str, dict[str, SimpleNamespace]] = {}
    instance = SimpleNamespace(uploaded_file_mgr=SimpleNamespace(file_storage=files))
    monkeypatch.setattr(upload_ceiling.runtime, "get_instance", lambda: instance)
    monkeypatch.setattr(upload_ceiling.st, "get_option", lambda name: 1)
    return files


def put(n: int, place: str = "s/f") -> int:
    client = Client(UploadCeiling(anything()))
    return client.ask(f"/_stcore/upload_file/{place}", method="PUT", body=bytes(n)).status


def test_one_file_below_the_ceiling_comes_in_and_one_above_does_not(held):
    assert put(900_000) == 200
    assert put(1_200_000) == 413


def test_files_of_a_session_count_together_and_another_session_does_not(held):
    held["s"] = {"a": SimpleNamespace(data=bytes(600_000))}
    assert put(600_000, "s/b") == 413
    assert put(600_000, "s/a") == 200  # takes the place of a
    assert put(600_000, "t/b") == 200


def test_the_901st_file_is_refused(held):
    held["s"] = {str(i): SimpleNamespace(data=b"") for i in range(MAX_FILES - 1)}
    assert put(1) == 200
    held["s"]["last"] = SimpleNamespace(data=b"")
    assert put(1) == 413


def test_an_upload_that_hides_its_length_is_refused(held):
    client = Client(UploadCeiling(anything()))
    pieces = (bytes(10) for _ in range(3))
    assert client.ask("/_stcore/upload_file/s/f", method="PUT", body=pieces).status == 411


def test_other_requests_pass(held):
    client = Client(UploadCeiling(anything()))
    assert client.ask("/v1/x", method="POST", body=bytes(2_000_000)).status == 200
    assert client.ask("/_stcore/upload_file/s/f", method="DELETE").status == 200
