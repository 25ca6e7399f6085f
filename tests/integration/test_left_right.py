"""Left stays left: from the file through reading and preparing to the picture on the page."""

from __future__ import annotations

import re

import nibabel as nib
import numpy as np
import pytest

from medsiam.comparison import compare_embedding
from medsiam.preprocessing import Recipe, prepare
from medsiam.reports import write_page
from medsiam.scans import read_scan
from tests.comparison.stub_bank import ring_bank
from tests.reports.page_reader import read_page
from tests.scans.written import letter_f, write, write_nifti

SPACING = (1.0, 1.5, 2.0)  # mm along x, y, z of the body
# Stored axis i runs along body axis axes[i], backwards where flips[i].
LAYOUTS = [
    ((0, 1, 2), (False, False, False)),
    ((0, 1, 2), (True, False, False)),
    ((0, 1, 2), (True, True, False)),
    ((0, 1, 2), (False, False, True)),
    ((1, 0, 2), (False, True, False)),
    ((0, 2, 1), (True, False, True)),
    ((1, 2, 0), (True, True, True)),
    ((2, 1, 0), (False, True, True)),
]
NAMES = [
    "".join("xyz"[a] + ("-" if f else "+") for a, f in zip(*layout, strict=True))
    for layout in LAYOUTS
]
# nibabel's letters name the side that an axis runs to.
TOWARDS = {
    (axis, flip): ("LPI" if flip else "RAS")[axis] for axis in range(3) for flip in (False, True)
}


def body(kind: str) -> np.ndarray:
    """Values over the body's own axes: x to the patient's right, y to the front, z to the head."""
    if kind == "letter":
        return letter_f()
    values = np.zeros((12, 10, 8), np.int16)
    values[1:4, 5:9, 2:7] = 900  # x runs to the right, so that low x is on the patient's left
    values[7:11, 3:8, 2:7] = 300
    return values


def stored(values: np.ndarray, layout) -> tuple[np.ndarray, np.ndarray]:
    """Return the array as a scanner of that layout stores it, and its affine in RAS+."""
    axes, flips = layout
    array = np.transpose(values, axes)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for i, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        affine[axis, i] = -SPACING[axis] if flip else SPACING[axis]
        if flip:
            array = np.flip(array, i)
            affine[axis, 3] += SPACING[axis] * (values.shape[axis] - 1)
    return np.ascontiguousarray(array), affine


def as_dicom(folder, values, layout):
    """Write a series whose rows, columns and slices run as the layout says, by hand."""
    array, affine = stored(values, layout)
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    columns, rows = (lps[:3, i] / np.linalg.norm(lps[:3, i]) for i in (0, 1))
    spacing = (float(np.linalg.norm(lps[:3, 1])), float(np.linalg.norm(lps[:3, 0])))
    for k in range(array.shape[2]):
        position = lps[:3, 3] + k * lps[:3, 2]
        name = folder / f"{(k * 5) % 13:02d}.dcm"
        write(name, array[:, :, k].T.copy(), position=position, spacing=spacing,
              orientation=(*columns, *rows), Modality="MR")  # fmt: skip
    return folder


def as_nifti(folder, values, layout):
    return write_nifti(folder / "scan.nii.gz", *stored(values, layout))


WRITERS = pytest.mark.parametrize("written", [as_dicom, as_nifti])
ALL = pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)


def test_the_layouts_differ_and_some_are_mirrored():
    assert len(set(map(str, LAYOUTS))) == 8
    signs = [np.sign(np.linalg.det(stored(letter_f(), lay)[1][:3, :3])) for lay in LAYOUTS]
    assert {-1.0, 1.0} == set(signs)


@ALL
@WRITERS
def test_the_letters_are_those_of_the_layout(tmp_path, written, layout):
    scan = read_scan(written(tmp_path, body("letter"), layout))
    # Slices of a series are put in order along their normal, whichever way they were stored.
    expected = [TOWARDS[axis, flip] for axis, flip in zip(*layout, strict=True)]
    if written is as_dicom and np.linalg.det(stored(letter_f(), layout)[1][:3, :3]) < 0:
        axis, flip = layout[0][2], layout[1][2]
        expected[2] = TOWARDS[axis, not flip]
    assert scan.orientation == "".join(expected)


@ALL
@WRITERS
def test_every_voxel_is_where_it_lies_in_the_body(tmp_path, written, layout):
    values = body("letter")
    scan = read_scan(written(tmp_path, values, layout))
    upright = nib.as_closest_canonical(nib.Nifti1Image(scan.array, scan.affine))
    np.testing.assert_array_equal(upright.get_fdata(), values)
    np.testing.assert_allclose(upright.affine, np.diag([*SPACING, 1.0]), atol=1e-6)


@ALL
@WRITERS
def test_left_is_left_in_the_tensor(tmp_path, written, layout):
    scan = read_scan(written(tmp_path, body("sides"), layout))
    recipe = Recipe(spatial_dims=3, spatial_size=(12, 15, 16), spacing=(1, 1, 1), orientation="RAS")
    tensor = prepare(scan, recipe)[0].numpy()
    left, right = tensor[1:4, 9:12, 6:10].mean(), tensor[7:11, 6:9, 6:10].mean()
    outside = tensor[5:7].mean()
    assert left > right + 0.3 > outside + 0.3


@ALL
@WRITERS
def test_left_is_left_on_the_page(tmp_path, written, layout):
    """Axial: the patient's left is at the right of the picture, his front up, and it says so."""
    scan = read_scan(written(tmp_path, body("sides"), layout))
    bank = ring_bank()
    bank.spatial_dims = 3
    comparison = compare_embedding(bank.embeddings[0], scan, bank, metric="euclidean")
    write_page(comparison, scan, bank, tmp_path / "page.html")
    pictures = read_page(tmp_path / "page.html").pictures()
    html = (tmp_path / "page.html").read_text("utf-8")
    edges = dict(re.findall(r"<span class='edge (\w+)'>(\w)</span>", html))
    assert edges == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    picture = pictures[len(pictures) // 2].astype(float)
    bright = np.argwhere(picture > 0.9 * picture.max()).mean(axis=0)
    middle = (np.array(picture.shape) - 1) / 2
    assert bright[1] > middle[1] + 2
    assert bright[0] < middle[0] - 1
