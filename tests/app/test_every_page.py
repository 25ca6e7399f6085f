"""Every page as it is met in a browser: who cannot see or use a mouse, and what has changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.app.serving import CHROMIUM
from tests.app.studio import PAGES, compare, make_studio, opened, take_all

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (see `make setup`)"
)
PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
# Fonts differ by a hair from one machine to the next; a part of a page that moved is far more.
QUARTER, VISIBLE, MOST = 4, 24, 0.02


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return make_studio(tmp_path_factory.mktemp("studio"))


@pytest.mark.parametrize("light", [False, True], ids=["dark", "light"])
def test_axe_finds_nothing_serious_on_any_page(studio, light):
    from axe_playwright_python.sync_playwright import Axe

    faults = []
    with opened(studio, light=light) as page:
        compare(page, studio)
        for name, show in PAGES.items():
            show(page, studio)
            found = Axe().run(page).response["violations"]
            faults += [
                f"{name}: {one['id']}: {node['target']} {node['html'][:160]}"
                for one in found
                if one["impact"] in ("serious", "critical")
                for node in one["nodes"]
            ]
    assert faults == [], "\n".join(faults)


@pytest.fixture(scope="module")
def taken(studio, tmp_path_factory):
    folder = tmp_path_factory.mktemp("screenshots")
    take_all(studio, folder)
    return folder


def small(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        size = (picture.width // QUARTER, picture.height // QUARTER)
        return np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX)).astype(int)


def changed(before: np.ndarray, after: np.ndarray) -> float:
    """Share of a picture that looks different."""
    return float((np.abs(before - after) > VISIBLE).mean())


@pytest.mark.parametrize("name", [*PAGES, "compare_light"])
def test_the_pages_look_as_in_the_docs(taken, name):
    """Where a page was changed on purpose, `make screenshots` takes the pictures anew."""
    before, after = small(PICTURES / f"{name}.png"), small(taken / f"{name}.png")
    assert before.shape == after.shape
    assert changed(before, after) <= MOST


def test_a_part_that_moved_is_seen():
    """The check can fail: a picture of a page against itself, moved by a line of text."""
    picture = small(PICTURES / "compare.png")
    assert changed(picture, picture) == 0
    assert changed(picture, np.roll(picture, 6, axis=0)) > MOST
