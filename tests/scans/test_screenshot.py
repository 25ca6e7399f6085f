from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from medsiam.scans import read_scan


def grey_picture() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 255, (128, 128), dtype=np.uint8)).convert("RGB")


def codes(image: Image.Image, path: Path) -> list[str]:
    image.save(path)
    return [said.code for said in read_scan(path).warnings]


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_coloured_letters_on_a_grey_picture_are_said(tmp_path, ending):
    image = grey_picture()
    ImageDraw.Draw(image).text((5, 5), "DOE JOHN 1960", fill=(255, 220, 0))
    assert codes(image, tmp_path / f"a.{ending}") == ["burned_in_text"]


def test_grey_pictures_and_coloured_ones_are_not(tmp_path):
    assert codes(grey_picture(), tmp_path / "a.jpg") == []
    assert codes(grey_picture().convert("L"), tmp_path / "b.png") == []
    stained = Image.merge("RGB", [grey_picture().getchannel(0), Image.new("L", (128, 128), 40),
                                  Image.new("L", (128, 128), 90)])  # fmt: skip
    assert codes(stained, tmp_path / "c.png") == []


def test_stained_cells_and_radiographs_are_not(medsiam_data):
    for name in ("chula_rbc_cells", "cxr_rare_pneumonia"):
        files = sorted((medsiam_data / name / "images").rglob("*.*"))[:15]
        assert files, os.fspath(medsiam_data)
        for file in files:
            said = [getattr(text, "code", "") for text in read_scan(file).warnings]
            assert "burned_in_text" not in said, file.name
