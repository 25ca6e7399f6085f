"""Claims: the reading page is ready 3 s after its server answers, ranks an uploaded picture within
2 s and a volume of 96 cubed within 6 s (p95, a bank of 1,000 cases), and keeps 8 readers apart.

A real `medsiam review`, looked at by Chromium on the same computer. Banks of random vectors for the
shipped encoders, without pixels. Readers are kept apart where none of 500 random actions of 8 of
them at once shows what another has opened: its size, its hashes, its link.

    python benchmarks/reading_page.py [--actions 500] [--repeats 20]    (0 leaves that part out)
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nibabel
import numpy as np
from comparison import make_bank
from machine import write_result
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright
from playwright.async_api import TimeoutError as PlaywrightTimeout

from medsiam.scans import read_scan

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.app.serving import CHROMIUM, QUIET, review

N_USERS = 8
SECONDS_AFTER_CLOSING = 180
PATIENCE = 120_000  # ms that any one thing may take
VERDICT = "section.verdict"
KINDS = (
    "upload", "upload", "walk", "worklist", "reload", "bad file", "foreign link", "close", "help",
)  # fmt: skip


def picture(path: Path, rows: int, columns: int, seed: int) -> Path:
    grey = np.random.default_rng(seed).integers(0, 255, (rows, columns), dtype=np.uint8)
    Image.fromarray(grey).save(path)
    return path


def volume(path: Path, seed: int) -> Path:
    values = np.random.default_rng(seed).integers(0, 1000, (96, 96, 96), dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1.0, 1.0, 1.0])), path)
    return path


def quantiles(seconds: list[float]) -> dict[str, float]:
    return {
        "n": len(seconds),
        "median_s": round(float(np.median(seconds)), 3),
        "p95_s": round(float(np.quantile(seconds, 0.95)), 3),
        "slowest_s": round(max(seconds), 3),
    }


# ---------------------------------------------------------------- how fast


async def ready(browser: Browser, address: str) -> tuple[float, BrowserContext, Page]:
    """A browser that has seen nothing yet, until a study can be dropped."""
    context = await browser.new_context()
    page = await context.new_page()
    start = time.monotonic()
    await page.goto(address)
    await page.locator("input[type=file]").wait_for(state="attached", timeout=PATIENCE)
    return time.monotonic() - start, context, page


async def speed(browser: Browser, address: str, files: list[Path]) -> dict[str, Any]:
    opened = []
    for _ in range(5):
        seconds, context, page = await ready(browser, address)
        opened.append(seconds)
        await context.close()
    _, context, page = await ready(browser, address)
    ranked = []
    for file in files:
        chooser = page.locator("input[type=file]")
        await chooser.wait_for(state="attached", timeout=PATIENCE)
        start = time.monotonic()
        await chooser.set_input_files(file)
        await page.locator(VERDICT).wait_for(timeout=PATIENCE)
        ranked.append(time.monotonic() - start)
        await page.get_by_role("link", name="Start", exact=True).click()
    await context.close()
    return {"page_ready": quantiles(opened), "upload_to_ranked_list": quantiles(ranked)}


# ---------------------------------------------------------------- kept apart


@dataclass
class Reader:
    """One of those who look at once, and what only he may see."""

    page: Page
    files: list[Path]
    marks: set[str]
    links: set[str] = field(default_factory=set)


async def settled(page: Page, *marks: Locator) -> None:
    """Wait for one of the marks, and until the script has run to its end."""
    first = marks[0]
    for mark in marks[1:]:
        first = first.or_(mark)
    await first.first.wait_for(state="attached", timeout=PATIENCE)
    ended = page.locator('[data-test-script-state="notRunning"]')
    await ended.wait_for(state="attached", timeout=PATIENCE)


async def act(reader: Reader, others: list[Reader], choice: random.Random) -> str:
    """Do one thing that a reader may do, and wait until the page has answered."""
    page = reader.page
    start, chooser = (
        page.get_by_role("link", name="Start", exact=True),
        page.locator("input[type=file]"),
    )
    verdict, denied = page.locator(VERDICT), page.get_by_text("another visit")
    nothing = page.get_by_text("Go to Start")
    what = choice.choice(KINDS)
    # What is still drawn may be of the page before: the address tells where we are.
    elsewhere = urlsplit(page.url).path != "/"
    if what in ("upload", "bad file", "worklist", "close") and elsewhere:
        await start.click()
        await settled(page, chooser)
    if what == "upload":
        await chooser.set_input_files(choice.choice(reader.files))
        await settled(page, verdict)
        reader.links.add(page.url.partition("study=")[2])
    elif what == "bad file":
        await chooser.set_input_files(
            {"name": "x.dcm", "mimeType": "application/octet-stream", "buffer": b"text"}
        )
        await settled(page, page.locator("section.fault"))
        await page.get_by_role("button", name="Choose another study").click()
        await settled(page, chooser)
    elif what == "worklist":
        links = page.locator(".stMain [data-testid=stPageLink] a")
        if await links.count():
            await links.nth(choice.randrange(await links.count())).click()
            await settled(page, verdict, denied)
    elif what == "close":
        buttons = page.get_by_role("button", name="Close", exact=True)
        if n := await buttons.count():
            await buttons.first.click()
            # Streamlit drops an upload that begins at the very moment in which a rerun starts.
            await buttons.nth(n - 1).wait_for(state="detached", timeout=PATIENCE)
            await settled(page, chooser)
    elif what == "foreign link":
        links = [link for other in others for link in other.links]
        if links:
            origin = page.url.split("/", 3)
            await page.goto("/".join(origin[:3]) + f"/compare?study={choice.choice(links)}")
            await settled(page, denied)
    elif what == "reload":
        await page.reload()
        await settled(page, chooser, verdict, denied, nothing, page.locator("h4"))
    elif what == "help":
        await page.get_by_role("link", name="Help", exact=True).click()
        await settled(page, page.get_by_text("How to read a distance"))
    else:
        await page.get_by_role("link", name="Compare", exact=True).click()
        await settled(page, verdict, denied, nothing)
    return what


async def one_reader(
    number: int, readers: list[Reader], n_actions: int, seconds: list[float], done: list[str]
) -> list[str]:
    """Act, and return what was shown that another has opened."""
    choice = random.Random(number)
    reader = readers[number]
    others = [other for other in readers if other is not reader]
    leaks = []
    for count in range(n_actions):
        start = time.monotonic()
        try:
            what = await act(reader, others, choice)
        except PlaywrightTimeout as error:
            picture_of = Path(tempfile.gettempdir()) / f"reader {number} stuck.png"
            await reader.page.screenshot(path=picture_of)
            raise SystemExit(
                f"reader {number}, action {count}: {error}; see {picture_of}"
            ) from error
        seconds.append(time.monotonic() - start)
        done.append(what)
        if count % 10 == 9:
            print(f"reader {number}: {count + 1} of {n_actions}", file=sys.stderr, flush=True)
        html = await reader.page.content()
        foreign = set().union(*(other.marks for other in others))
        leaks += [f"{what}: {mark}" for mark in foreign if mark in html]
    return leaks


async def apart(
    browser: Browser, address: str, folder: Path, pid: int, n_actions: int
) -> dict[str, Any]:
    before = resident(pid)
    readers = []
    for number in range(N_USERS):
        _, _, page = await ready(browser, address)
        files, marks = [], set()
        for study in range(3):
            rows, columns = 200 + number, 300 + 10 * number + study
            path = picture(folder / f"u{number}s{study}.png", rows, columns, 100 * number + study)
            files.append(path)
            scan = read_scan(path)
            marks |= {f"{columns} x {rows}", scan.content_hash[:12]}
        readers.append(Reader(page, files, marks))
    seconds: list[float] = []
    done: list[str] = []
    share = n_actions // N_USERS + 1
    start = time.monotonic()
    leaks = await asyncio.gather(
        *(one_reader(number, readers, share, seconds, done) for number in range(N_USERS))
    )
    took = time.monotonic() - start
    during = resident(pid)
    for reader in readers:
        await reader.page.context.close()
    await asyncio.sleep(SECONDS_AFTER_CLOSING)
    after = resident(pid)
    return {
        "readers": N_USERS,
        "actions": len(done),
        "kinds": {kind: done.count(kind) for kind in sorted(set(done))},
        "seconds": round(took, 1),
        "shown_of_another": [leak for found in leaks for leak in found],
        "action": quantiles(seconds),
        "resident_mb": {
            "before": before,
            "with_all": during,
            f"{SECONDS_AFTER_CLOSING}s_after": after,
        },
        "growth_mb_per_reader": round((during - before) / N_USERS, 1),
        "left_after_closing_percent": round(100 * (after - before) / before, 1),
    }


def resident(pid: int) -> float:
    """MB of a process and all that it has started."""
    own = 0
    status = Path(f"/proc/{pid}/status").read_text()
    for line in status.splitlines():
        if line.startswith("VmRSS"):
            own = int(line.split()[1])
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return round(own / 1024 + sum(resident(int(child)) for child in below), 1)


async def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for dims in (2, 3):
        bank = make_bank(folder, dims=dims, pixels=False)
        files = [
            picture(folder / f"{i}.png", 512, 512, i)
            if dims == 2
            else volume(folder / f"{i}.nii.gz", i)
            for i in range(options.repeats)
        ]
        start = time.monotonic()
        with review(bank) as (process, port):
            answers = time.monotonic() - start
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
                address = f"http://127.0.0.1:{port}"
                if files:
                    found = await speed(browser, address, files)
                    found["server_answers_s"] = round(answers, 3)
                    print(f"{dims}D", found, flush=True)
                    figures[f"{dims}D"] = found
                if dims == 2 and options.actions:
                    figures["apart"] = await apart(
                        browser, address, folder, process.pid, options.actions
                    )
                    print(figures["apart"], flush=True)
                await browser.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("no Chromium on this machine (see `make setup`)")
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(options, Path(folder)))
    apart = figures.pop("apart", None)
    if apart is not None:
        print(f"written: {write_result('readers_apart', apart)}", file=sys.stderr)
    if figures:
        print(f"written: {write_result('reading_page', figures)}", file=sys.stderr)


if __name__ == "__main__":
    main()
