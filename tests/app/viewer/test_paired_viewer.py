"""The component as a reader meets it: in a real browser, on a page of its own."""

from __future__ import annotations

import re
from base64 import b64decode

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from medsiam import Scan
from tests.app.viewer.viewer_page import ask, open_viewer, served, settle
from tests.scans.dicom.test_voi import table_item
from tests.scans.written import dataset
from viewer.paired_viewer import Viewed, viewed

SIZE = 64
RAMP = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE)
CELL = ".cell.{side}:not([hidden])"


@pytest.fixture(scope="module")
def address():
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def pages(browser, address):
    """Open a study: pages("volumes"); one page after the other, the last one stays open."""
    opened = []

    def go(study: str):
        for page in opened:
            page.close()
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.trouble, page.fetched = [], []
        page.on("pageerror", lambda error: page.trouble.append(str(error)))
        page.on(
            "request",
            lambda one: page.fetched.append(one.url) if "/medsiam/volume/" in one.url else None,
        )
        opened[:] = [page]
        open_viewer(page, address + study)
        assert page.trouble == []
        return page

    return go


def runs(page) -> int:
    return int(re.search(r"runs (\d+)", page.inner_text("body")).group(1))


def wait_for(page, text: str) -> None:
    page.get_by_text(text).first.wait_for(timeout=20_000)


def box_of(page, side: str, number: int = 0):
    return page.locator(CELL.format(side=side)).nth(number).bounding_box()


def press(page, *keys: str) -> None:
    ask(page, "v.active.root.focus()")
    for key in keys:
        page.keyboard.press(key)
    settle(page)


def texts(page, name: str) -> list[str]:
    return page.locator(f".cell:not([hidden]) .{name}").all_inner_texts()


def drawn(page, side: str, number: int = 0) -> np.ndarray:
    """The canvas of a cell: (rows, columns) of red."""
    found = ask(
        page,
        f"""(() => {{
          const cell = v.cells.filter((one) => one.side === '{side}' && !one.root.hidden)[{number}];
          const {{ width, height }} = cell.canvas;
          const {{ data }} = cell.pen.getImageData(0, 0, width, height);
          let text = "";
          for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i]);
          return [height, width, btoa(text)];
        }})()""",
    )
    return np.frombuffer(b64decode(found[2]), np.uint8).astype(int).reshape(found[:2])


def voxels_drawn(page, side: str) -> np.ndarray:
    """The canvas at the middle of each pixel of the slice."""
    frame = ask(page, f"v.cells.find((one) => one.side === '{side}' && !one.root.hidden).frame")
    at = [
        np.floor(frame[start] + (np.arange(SIZE) + 0.5) * frame[extent] / SIZE).astype(int)
        for start, extent in (("top", "height"), ("left", "width"))
    ]
    return drawn(page, side)[np.ix_(*at)]


def rendered_by_pydicom(path) -> np.ndarray:
    ds = dcmread(path)
    bits = int(ds.VOILUTSequence[0].LUTDescriptor[2]) if "VOILUTSequence" in ds else 12
    values = apply_modality_lut(ds.pixel_array, ds)
    if bits == 8:
        values = values.astype(np.int64)
    out = apply_voi_lut(values, ds)
    low = float(ds.get("RescaleIntercept", 0)) if "VOILUTSequence" not in ds else 0
    grey = (out - low) * (255 / (2**bits - 1) / float(ds.get("RescaleSlope", 1)))
    return 255 - grey if ds.PhotometricInterpretation == "MONOCHROME1" else grey


CURVE = (255 * np.linspace(0, 1, 4096) ** 2.2).round()
GREYS = {
    "ramp": {"WindowCenter": 2048, "WindowWidth": 4096},
    "narrow": {"WindowCenter": 1000, "WindowWidth": 50},
    "MONOCHROME1": {
        "WindowCenter": 1000,
        "WindowWidth": 50,
        "PhotometricInterpretation": "MONOCHROME1",
    },
    "linear exact": {"WindowCenter": 900, "WindowWidth": 40, "VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
    "HU": {
        "WindowCenter": 40,
        "WindowWidth": 400,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "Modality": "CT",
    },
    "table": {"table": True},
    "table of MONOCHROME1": {"table": True, "PhotometricInterpretation": "MONOCHROME1"},
}


@pytest.mark.parametrize("name", GREYS)
def test_the_grey_drawn_is_pydicoms(pages, tmp_path, name):
    elements = {"Modality": "CR", "BitsStored": 12, "HighBit": 11, **GREYS[name]}
    if elements.pop("table", False):
        elements["VOILUTSequence"] = [table_item(CURVE, 0, 8)]
    path = tmp_path / "one.dcm"
    dataset(RAMP, **elements).save_as(path, enforce_file_format=True)
    if "VOILUTSequence" in elements:  # 8-bit places come round again in pydicom: 16 bits instead
        item = table_item(CURVE * 257, 0, 16)
        dataset(RAMP, **{**elements, "VOILUTSequence": [item]}).save_as(
            path, enforce_file_format=True
        )
    page = pages(f"files-{path}:{path}")
    expected = rendered_by_pydicom(path)
    assert np.ptp(expected) > 200
    for side in ("query", "match"):
        assert np.abs(voxels_drawn(page, side) - expected).max() <= 1


def test_rulers_and_millimetres_are_the_same_on_both_sides(pages):
    page = pages("rulers")
    bars = [
        int((drawn(page, side).max(axis=0) > 127).sum()) for side in ("query", "match")
    ]  # 40 mm of each film
    assert abs(bars[0] - bars[1]) <= 1
    scale = bars[0] / 40
    rulers = page.locator(".cell:not([hidden]) .ruler")
    for number in range(2):
        mm = float(rulers.nth(number).inner_text().split()[0])
        width = rulers.nth(number).locator("i").bounding_box()["width"]
        assert abs(width - mm * scale) <= 1


@pytest.mark.parametrize("codes", ["LPS", "RAS", "RPI", "LAI", "PSL", "SRA", "ILP", "ARI"])
def test_letters_stand_on_the_side_they_name(pages, codes):
    page = pages(f"letters-{codes}")
    press(page, "t")
    for number, (across, down) in enumerate((("L", "A"), ("L", "H"), ("A", "H"))):
        picture = drawn(page, "query", number).astype(float)
        picture[np.isin(picture, (0, 255))] = np.nan  # around it, and the crosshair
        rows, columns = picture.shape
        brighter = np.nanmean(picture[:, columns // 2 :]) > np.nanmean(picture[:, : columns // 2])
        upper = np.nanmean(picture[: rows // 2]) > np.nanmean(picture[rows // 2 :])
        letters = {
            edge: page.locator(f".cell.query:not([hidden]) .{edge}").nth(number).inner_text()
            for edge in ("left", "right", "top", "bottom")
        }
        assert letters["right" if brighter else "left"] == across
        assert letters["top" if upper else "bottom"] == down
        assert set(letters.values()) in ({"L", "R", "A", "P"}, {"L", "R", "H", "F"}, {*"APHF"})


def test_unknown_orientation_is_said_and_has_no_letters(pages):
    page = pages("volumes")
    press(page, "j")
    page.get_by_text("Match: 2. DCM").wait_for()
    press(page, "j")
    page.get_by_text("Match: 3. RV").wait_for()
    page.wait_for_timeout(300)
    said = page.locator(".cell.match:not([hidden]) .warning").inner_text()
    assert "left and right cannot be trusted" in said
    assert page.locator(".cell.match:not([hidden]) .left").inner_text() == ""


def test_the_crosshair_goes_to_exactly_the_voxel_clicked(pages):
    page = pages("counted")
    press(page, "t")
    box = box_of(page, "query", 1)  # coronal
    page.mouse.click(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.4)
    settle(page)
    x, y, z = ask(page, "v.state.voxel.query")
    assert ask(page, "v.state.voxel.query") != [14, 12, 10]
    for number in range(3):  # what is under the crosshair in each plane is that one voxel
        at = ask(
            page,
            f"""(() => {{
              const cell = v.cells[{number}];
              const {{ column, row }} = placeOfForTest(cell);
              function placeOfForTest({{ shown }}) {{
                const turn = (i, n, flip) => (flip ? n - 1 - i : i);
                const {{ plane, voxel, pane }} = shown;
                const shape = pane.volume.shape;
                return {{
                  column: turn(voxel[plane.columns], shape[plane.columns], plane.flip_columns),
                  row: turn(voxel[plane.rows], shape[plane.rows], plane.flip_rows),
                }};
              }}
              return [
                cell.frame.left + (column + 0.5) * cell.frame.width / cell.size.columns,
                cell.frame.top + (row + 0.5) * cell.frame.height / cell.size.rows,
              ];
            }})()""",
        )
        box = box_of(page, "query", number)
        page.mouse.move(box["x"] + at[0], box["y"] + at[1])
        settle(page)
        readout = texts(page, "place")[number].split("\n")[1]
        assert readout.split(" · ")[0] == str(x + 30 * (y + 30 * z))
        assert readout.endswith(f"L {x:.1f}, P {y:.1f}, S {3 * z:.1f} mm")


def test_the_match_follows_by_percent_and_by_mm(pages):
    page = pages("counted")  # 21 slices of 3 mm, 8 of 7 mm
    box = box_of(page, "query")
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    for _ in range(4):
        page.mouse.wheel(0, 100)
        settle(page)
    assert [text.split("\n")[0] for text in texts(page, "place")] == [
        "axial 15/21 · 3 mm",
        "axial 6/8 · 7 mm",  # 14/20 of 7 steps: 4.9
    ]
    page.get_by_label("How slices are linked").select_option("mm")
    settle(page)
    assert "axial 6/8" in texts(page, "place")[1]  # 12 mm above the middle: 3.5 + 1.7
    press(page, "Home")
    assert ["1/21" in texts(page, "place")[0], "1/8" in texts(page, "place")[1]] == [True, True]
    page.get_by_label("How slices are linked").select_option("off")
    press(page, "End")
    assert ["21/21" in texts(page, "place")[0], "1/8" in texts(page, "place")[1]] == [True, True]
    options = page.get_by_label("How slices are linked").inner_text()
    assert "by position" not in options  # two scans of which nothing says that they share a room


def test_nothing_runs_while_the_reader_looks(pages):
    page = pages("volumes")
    box = box_of(page, "query")
    x, y = box["x"] + 200, box["y"] + 200
    before = texts(page, "window")
    for button in ("right", "middle", "left"):
        page.mouse.move(x, y)
        page.mouse.down(button=button)
        for step in range(12):
            page.mouse.move(x + 5 * step, y + 4 * step)
        page.mouse.up(button=button)
    for _ in range(5):
        page.mouse.wheel(0, 100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    press(page, "v", "t", "l", "m", "w", "ArrowRight", "s", "r")  # R would run a page again
    page.get_by_label("Window", exact=True).select_option(label="by hand")
    page.wait_for_timeout(600)
    assert runs(page) == 1
    press(page, "w", "ArrowRight", "ArrowDown")
    assert texts(page, "window") != before
    assert runs(page) == 1


def test_both_keep_the_same_window_until_unlocked(pages):
    page = pages("volumes")
    press(page, "m", "m", "w")  # no map over the greys
    start = [drawn(page, side).mean() for side in ("query", "match")]
    press(page, *["ArrowDown"] * 12)
    darker = [drawn(page, side).mean() for side in ("query", "match")]
    assert darker[0] < start[0] - 5
    assert darker[1] < start[1] - 5
    page.get_by_label("The same window on both").click()
    press(page, *["ArrowUp"] * 12)
    assert drawn(page, "query").mean() > darker[0] + 5
    assert drawn(page, "match").mean() == pytest.approx(darker[1], abs=0.5)


def test_a_region_is_told_once_when_it_rests(pages):
    page = pages("counted")
    press(page, "b")
    frame = ask(page, "v.cells[0].frame")
    box = box_of(page, "query")
    unit = frame["width"] / 30

    def at(column, row):
        return (
            box["x"] + frame["left"] + (column + 0.5) * unit,
            box["y"] + frame["top"] + (row + 0.5) * unit,
        )

    page.mouse.move(*at(4, 6))
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(*at(4 + step, 6 + step / 2))
    page.mouse.up()
    wait_for(page, "region ((4, 13), (6, 11), (0, 21))")
    assert runs(page) == 2
    page.get_by_label("First slice of the region").fill("5")
    page.get_by_label("First slice of the region").press("Enter")
    wait_for(page, "region ((4, 13), (6, 11), (4, 21))")
    press(page, "Home", "PageDown", "PageDown", "]")
    wait_for(page, "region ((4, 13), (6, 11), (4, 11))")
    press(page, "ArrowRight", "Shift+ArrowDown")
    wait_for(page, "region ((5, 14), (6, 12), (4, 11))")
    press(page, "Delete")
    wait_for(page, "region None")
    assert runs(page) == 6


def test_another_match_keeps_the_query_as_it_was(pages):
    page = pages("volumes")
    assert len(page.fetched) == 4  # two volumes, two maps
    press(page, "Home", "+", "w", "ArrowRight")
    before = [texts(page, "place")[0], texts(page, "window")[0]]
    picture = drawn(page, "query")
    press(page, "j")
    wait_for(page, "told [[1, None]]")
    page.get_by_text("Match: 2. DCM").wait_for()
    page.wait_for_timeout(300)
    assert len(page.fetched) == 5  # the other match only
    assert len({url.split("/volume/")[1].split(".")[0] for url in page.fetched}) == 5
    assert [texts(page, "place")[0], texts(page, "window")[0]][0] == before[0]
    assert np.abs(drawn(page, "query") - picture).mean() < 40
    press(page, "k")
    page.get_by_text("Match: 1. LAM").wait_for()
    page.wait_for_timeout(300)
    assert len(page.fetched) == 5  # and the first one is still there


def test_keys_of_the_verdict_are_told(pages):
    page = pages("volumes")
    press(page, "3")
    wait_for(page, "told [[0, '3']]")
    press(page, "1")
    wait_for(page, "told [[0, '3'], [0, '1']]")


def test_the_match_is_seen_in_the_querys_frame_while_held(pages):
    page = pages("volumes")
    press(page, "m")  # the map's only picture differs, too
    query, match = drawn(page, "query"), drawn(page, "match")
    assert not np.array_equal(query, match)
    ask(page, "v.active.root.focus()")
    for key in ("f", " "):
        page.keyboard.down(key)
        settle(page)
        assert np.array_equal(drawn(page, "query"), match)
        assert texts(page, "title")[0].startswith("Match")
        page.keyboard.up(key)
        settle(page)
        assert np.array_equal(drawn(page, "query"), query)


def test_phases_are_changed_in_the_browser(pages):
    page = pages("phases")
    picture = drawn(page, "query")
    page.get_by_role("button", name="phase ES").click()
    page.wait_for_timeout(300)
    assert not np.array_equal(drawn(page, "query"), picture)
    press(page, "e")
    assert np.array_equal(drawn(page, "query"), picture)
    assert runs(page) == 1
    assert len(page.fetched) == 4


def test_every_button_has_a_name_and_tab_reaches_every_frame(pages):
    page = pages("volumes")
    for button in page.get_by_role("button").all():
        if button.is_visible():
            assert (button.get_attribute("aria-label") or button.inner_text()).strip()
    ask(page, "v.toolbar.tools[0].focus()")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(ask(page, "v.root.getRootNode().activeElement?.getAttribute('aria-label')"))
    assert {"Query: new scan, axial", "Match: 1. LAM (case 7), axial"} <= reached
    press(page, "?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_nothing_jumps(pages):
    page = pages("volumes")
    size = "(({ top, height }) => [top, height])(v.{}.getBoundingClientRect())"
    frames, whole = ask(page, size.replace("{}", "frames")), ask(page, size.replace("{}", "root"))
    for key in ("t", "b", "[", "m"):
        press(page, key)
        assert ask(page, size.replace("{}", "frames")) == frames
        assert ask(page, size.replace("{}", "root")) == whole
    ask(page, "v.loaded.clear()")
    ask(page, "v.change()")
    settle(page)
    assert "Loading" in texts(page, "state")[0]
    assert ask(page, size.replace("{}", "frames")) == frames


QUERY = Scan(np.zeros((8, 9), np.float32), 2)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Viewed()),
        ({"region": {"id": "a", "box": [[1, 3], [0, 9]]}}, Viewed(region=((1, 3), (0, 9)))),
        ({"region": {"id": "another", "box": [[1, 3], [0, 9]]}}, Viewed()),
        ({"region": {"id": "a", "box": [[1, 3], [0, 10]]}}, Viewed()),
        ({"region": {"id": "a", "box": [[3, 3], [0, 9]]}}, Viewed()),
        ({"region": {"id": "a", "box": [[1.5, 3], [0, 9]]}}, Viewed()),
        ({"region": {"id": "a", "box": [[1, 3]]}}, Viewed()),
        ({"region": "x", "step": 7, "verdict": "5"}, Viewed()),
        ({"step": -1, "verdict": "4"}, Viewed(step=-1, verdict="4")),
        ({"step": True, "verdict": ["1"]}, Viewed()),
    ],
)
def test_what_comes_from_the_browser_is_checked(said, expected):
    assert viewed(said, [("a", QUERY)]) == expected
