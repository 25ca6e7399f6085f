"""Fifty names planted where a study can hold them: none leaves the server, none stays behind."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pydicom
import pytest
from PIL import Image, PngImagePlugin

from tests.app.conftest import dicom_series, drawing
from tests.app.serving import CHROMIUM, QUIET, review

PLANTED = [f"PLANTED{number:02d}X" for number in range(50)]
_HEADER = (
    "PatientName", "PatientID", "OtherPatientNames", "PatientAddress", "PatientComments",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "InstitutionName",
    "InstitutionAddress", "StationName", "AccessionNumber", "StudyID", "StudyDescription",
    "SeriesDescription", "ProtocolName", "RequestedProcedureDescription", "ImageComments",
    "AdditionalPatientHistory", "RequestingPhysician", "MilitaryRank", "PatientMotherBirthName",
    "MedicalRecordLocator", "Occupation", "DeviceSerialNumber", "PatientBirthName",
)  # fmt: skip


def plant_series(folder: Path, names: list[str]) -> list[Path]:
    """A series with a name in each of many elements, and in its file names."""
    paths = []
    for number, path in enumerate(dicom_series(folder, "slanted", 900)):
        data = pydicom.dcmread(path)
        for keyword, name in zip(_HEADER, names, strict=False):
            setattr(data, keyword, name)
        target = path.with_name(f"{names[len(_HEADER)]} {number}.dcm")
        data.save_as(target)
        path.unlink()
        paths.append(target)
    return paths


def zip_with_comment(files: dict[str, bytes], comment: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = comment.encode()
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def studies(tmp_path) -> Path:
    """A folder of names, with a picture whose text chunk is one, and a broken series."""
    folder = tmp_path / "studies" / PLANTED[40] / PLANTED[41]
    folder.mkdir(parents=True)
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", PLANTED[42])
    picture = Image.fromarray(drawing("along", 3).T.astype("uint8"))
    picture.save(folder / f"{PLANTED[43]}.png", pnginfo=text)
    broken = plant_series(folder / PLANTED[44], PLANTED[10:40])
    broken[3].write_bytes(broken[3].read_bytes()[:-50])
    (folder / f"{PLANTED[45]}.txt").write_text(PLANTED[46])
    return tmp_path / "studies"


def choose_another(page) -> None:
    """Go back as a person does: a page that changes shows the old and the new for a while."""
    chooser = page.locator("input[type=file]")
    chooser.wait_for(state="detached", timeout=60_000)
    page.get_by_role("button", name="Choose another study").click()
    page.locator("section.fault").wait_for(state="detached", timeout=60_000)
    chooser.wait_for(state="attached", timeout=60_000)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached", timeout=60_000)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (see `make setup`)")
def test_no_planted_name_is_met_outside(bank_3d, tmp_path, studies):
    from playwright.sync_api import sync_playwright

    files = plant_series(tmp_path / "series", PLANTED)
    packed = {f"{PLANTED[30]}/{PLANTED[31]} {path.name}": path.read_bytes() for path in files}
    good = tmp_path / f"{PLANTED[47]}.zip"
    good.write_bytes(zip_with_comment(packed, PLANTED[32]))
    truncated = tmp_path / f"{PLANTED[48]}.dcm"
    truncated.write_bytes(files[0].read_bytes()[:-50])
    letter = tmp_path / f"{PLANTED[49]}.txt"
    letter.write_text(" ".join(PLANTED))
    places = {name: tmp_path / name for name in ("tmp", "home", "cache")}
    for place in places.values():
        place.mkdir()
    environment = os.environ | {
        "TMPDIR": str(places["tmp"]),
        "HOME": str(places["home"]),
        "MEDSIAM_CACHE": str(places["cache"]),
    }
    seen: list[str] = []
    with (
        review(bank_3d, "--studies", str(studies), environment=environment) as (process, port),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        page = browser.new_page()
        page.on("request", lambda request: seen.append(request.url))
        page.on("websocket", lambda socket: _listen(socket, seen))
        page.on("console", lambda message: seen.append(message.text))
        page.goto(f"http://127.0.0.1:{port}/")
        for bad in (truncated, letter):
            page.locator("input[type=file]").set_input_files(bad, timeout=60_000)
            page.locator("section.fault").wait_for(timeout=60_000)
            seen.append(page.content())
            choose_another(page)
        page.get_by_role("combobox").click()
        page.get_by_role("option").first.click()
        page.locator("section.fault").wait_for(timeout=60_000)
        seen.append(page.content())
        choose_another(page)
        page.locator("input[type=file]").set_input_files(good, timeout=60_000)
        page.locator("section.verdict").wait_for(timeout=60_000)
        seen += [page.content(), page.url, page.title()]
        page.get_by_role("link", name="Start").click()
        page.get_by_text("Open studies").wait_for()
        seen.append(page.content())
        browser.close()
        process.terminate()
        seen.append(process.stdout.read())
    for place in places.values():
        for path in place.rglob("*"):
            seen.append(str(path.relative_to(place)))
            if path.is_file():
                seen.append(path.read_bytes().decode("latin-1"))
    assert list(places["tmp"].iterdir()) == []
    everything = "\n".join(seen)
    assert "section" in everything
    assert [name for name in PLANTED if name in everything] == []


def _listen(socket, seen: list[str]) -> None:
    def received(frame: str | bytes) -> None:
        seen.append(frame if isinstance(frame, str) else frame.decode("latin-1"))

    socket.on("framereceived", received)
