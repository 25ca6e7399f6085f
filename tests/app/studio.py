"""Every page of the app on a synthetic bank, as pictures: for docs/, and to see what changed.

python -m tests.app.studio docs/screenshots      (`make screenshots`)
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsiam import ReferenceBank
from medsiam.cli import main as medsiam
from medsiam.phantoms import Phantom, make_phantom, write_cases, write_dicom
from tests.app.serving import CHROMIUM, QUIET, review

CONDITIONS = ("checkered block", "concentric rings", "crescent", "dumbbell")
QUERY = "checkered block"
N_PATIENTS = 6  # per condition: more than the 20 that a probability needs
SIZE = {"width": 1366, "height": 768}
WAIT = 60_000  # milliseconds
QUIET_LOOKS = 3  # a page is at rest when it was so as often as this


@dataclass(frozen=True)
class Studio:
    """What the pages are shown with.

    Attributes:
        bank: synthetic volumes, calibrated.
        study: the DICOM files of one more of them.
        two: those of two further patients.
        options: of `medsiam review`.
    """

    bank: ReferenceBank
    study: list[Path]
    two: list[Path]
    options: tuple[str, ...]


def make_studio(folder: Path) -> Studio:
    """Fill a bank with the shipped encoder, and score a folder with it."""
    cases = write_cases(
        folder / "cases",
        spatial_dims=3,
        conditions=CONDITIONS,
        n_patients=N_PATIENTS,
        random_state=5,
    )
    named = cases.read_text().replace("path,condition", "case_id,path,condition", 1).splitlines()
    numbers = [f"{row.split(',')[1]} {n % N_PATIENTS + 1},{row}" for n, row in enumerate(named[1:])]
    cases.write_text("\n".join([named[0], *numbers]) + "\n")
    bank = folder / "synthetic"
    for command in (
        ["bank", "create", str(bank), "--encoder", "default-3d"],
        ["bank", "add", str(bank), "--cases", str(cases), "--proof", "none"],
        ["bank", "calibrate", str(bank)],
    ):
        assert medsiam(command) == 0, command
    studies = folder / "studies"
    series, *others = [
        write_dicom(_phantom(number), where)
        for number, where in ((99, studies), (100, folder / "two"), (101, folder / "two"))
    ]
    assert (
        medsiam(
            ["score", str(studies), "--bank", str(bank), "--out", str(folder / "batches" / "night")]
        )
        == 0
    )
    options = ("--studies", str(studies), "--batches", str(folder / "batches"), "--curate")
    two = sorted(file for other in others for file in other.iterdir())
    return Studio(ReferenceBank.open(bank), sorted(series.iterdir()), two, options)


def _phantom(number: int) -> Phantom:
    return make_phantom(QUERY, spatial_dims=3, patient_id=f"SYN-{number}", random_state=number)


@contextmanager
def opened(studio: Studio, *, light: bool = False) -> Iterator[Any]:
    """A page of a browser that has opened the study and sees the answer."""
    from playwright.sync_api import sync_playwright

    with review(studio.bank, *studio.options) as (_, port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        page = browser.new_page(viewport=SIZE, color_scheme="light" if light else "dark")
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_text("Drop a study").wait_for(timeout=WAIT)
        yield page
        browser.close()


def compare(page: Any, studio: Studio) -> None:
    """Open the study and wait until its pictures are drawn."""
    page.locator("input[type=file]").first.set_input_files(studio.study)
    page.locator("section.verdict").wait_for(timeout=WAIT)
    for pane in range(2):  # a volume that has come says which slice is shown
        page.get_by_text(re.compile(r"axial \d+/\d+")).nth(pane).wait_for(timeout=WAIT)
    settle(page)


def settle(page: Any) -> None:
    """Wait until the script has run, the pictures have come and nothing moves any more."""
    for _ in range(QUIET_LOOKS):  # a rerun may begin a moment after the last has ended
        page.wait_for_timeout(250)
        page.get_by_test_id("stStatusWidget").wait_for(state="detached", timeout=WAIT)
    page.wait_for_function("[...document.images].every((one) => one.complete)", timeout=WAIT)


def _page(name: str, heading: str) -> Callable[[Any, Studio], None]:
    def show(page: Any, studio: Studio) -> None:
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_text(heading).first.wait_for(timeout=WAIT)
        settle(page)

    return show


def _tab(name: str, text: str) -> Callable[[Any, Studio], None]:
    def show(page: Any, studio: Studio) -> None:
        page.get_by_role("tab", name=name).click()
        page.get_by_text(text).first.wait_for(timeout=WAIT)
        settle(page)

    return show


def _refused(page: Any, studio: Studio) -> None:
    letter = {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear colleague, " * 9}
    page.locator("input[type=file]").first.set_input_files(letter)
    page.locator("section.fault").wait_for(timeout=WAIT)
    settle(page)


def _gallery(page: Any, studio: Studio) -> None:
    page.get_by_role("button", name="Choose another study").click()
    page.get_by_text("Drop a study").wait_for(timeout=WAIT)
    settle(page)
    page.locator("input[type=file]").first.set_input_files(studio.two)
    page.get_by_text("Choose the series").wait_for(timeout=WAIT)
    settle(page)


def _blinded(page: Any, studio: Studio) -> None:
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("button", name="Settings").click()
    page.get_by_text("Blinded").first.click()
    page.get_by_text("Your guess").first.wait_for(timeout=WAIT)
    page.keyboard.press("Escape")
    settle(page)


# After `compare`, in this order: name of the picture -> how to come to what it shows.
PAGES: dict[str, Callable[[Any, Studio], None]] = {
    "compare": lambda page, studio: None,
    "distance": _tab("Distance", "Nearer than"),
    "batch": _page("Batch", "command line"),
    "bank": _page("Bank", "version 1"),
    "map": _tab("Map", "approximate"),
    "encoders": _page("Encoders", "default-3d"),
    "help": _page("Help", "How to read a distance"),
    "start": _page("Start", "Drop a study"),
    "refused": _refused,
    "gallery": _gallery,
    "blinded": _blinded,
}


def take_all(studio: Studio, folder: Path) -> None:
    """Write a picture of every page, and of one in the light theme."""
    folder.mkdir(parents=True, exist_ok=True)
    with opened(studio) as page:
        compare(page, studio)
        for name, show in PAGES.items():
            show(page, studio)
            _shoot(page, folder / f"{name}.png")
    with opened(studio, light=True) as page:
        compare(page, studio)
        _shoot(page, folder / "compare_light.png")


def _shoot(page: Any, path: Path) -> None:
    """Take pictures until one equals the last: a slow machine is still drawing before that."""
    page.mouse.move(1, 1)
    last = b""
    for _ in range(QUIET_LOOKS * 10):
        settle(page)
        now = page.screenshot(path=path, animations="disabled", caret="hide")
        if now == last:
            return
        last = now
    raise AssertionError(f"{path.stem}: the page never came to rest")


def main() -> None:
    """Take the pictures of docs/."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        take_all(make_studio(Path(made)), args.folder)


if __name__ == "__main__":
    main()
