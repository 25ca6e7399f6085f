"""slices.js in the browser, against plain loops and the library's own rendering."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medsiam import Scan
from medsiam.reports import plane_of, render_slice
from viewer.volume import document, voxel_bytes

WINDOW = (128.0, 255.0)


def counted(affine=None, channels=()) -> Scan:
    values = np.arange(4 * 5 * 6 * int(np.prod(channels, dtype=int)), dtype=np.float32)
    return Scan(values.reshape(4, 5, 6, *channels) % 256, 3, affine=affine)


def whole(values) -> dict[str, list[int]]:
    return {"int16": np.ravel(values).astype(int).tolist()}


def stored(scan: Scan) -> dict[str, list[int]]:
    kind = "<i2" if scan.n_channels == 1 else "u1"
    return whole(np.frombuffer(voxel_bytes(scan), kind))


@pytest.mark.parametrize("signs", list(itertools.product((-1.0, 1.0), repeat=3)))
@pytest.mark.parametrize("channels", [(), (3,)])
def test_every_slice_lies_as_in_the_reports(modules, signs, channels):
    scan = counted(np.diag([*signs, 1.0]), channels)
    volume = document(scan)
    for axis, plane in enumerate(volume["planes"]):
        for index in range(scan.spatial_shape[axis]):
            shown = modules("slices", "sliceOf", stored(scan), volume, plane, index)
            expected = render_slice(scan, index, axis=axis, window=WINDOW)
            # centre and width of 128 and 255 move no whole number by more than rounding
            assert np.abs(np.reshape(shown, expected.shape) - expected.astype(int)).max() <= 1


def test_letters_and_flips_are_those_of_the_library():
    scan = counted(np.diag([1.0, -1.0, -1.0, 1.0]))
    for axis, said in enumerate(document(scan)["planes"]):
        plane = plane_of(scan, axis)
        assert tuple(said["letters"]) == plane.letters
        assert (said["flip_columns"], said["flip_rows"]) == (plane.flip_columns, plane.flip_rows)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_smaller_slice_is_the_mean_of_its_blocks(modules, channels):
    values = np.random.default_rng(0).integers(0, 255, (7, 9, channels))
    made = modules("slices", "smaller", whole(values), 9, 7, channels, 3)
    assert (made["columns"], made["rows"]) == (3, 2)
    got = np.reshape(made["slice"], (2, 3, channels))
    for row, column in itertools.product(range(2), range(3)):
        block = values[3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
        assert np.abs(got[row, column] - block.mean(axis=(0, 1))).max() <= 0.5


def test_outlines_run_between_what_is_beyond_and_what_is_not(modules):
    values = np.zeros((6, 8))
    values[2:4, 3:6] = 100
    values[5, 0] = -100  # at the edge
    lines = np.reshape(modules("slices", "outline", whole(values), 8, 6, 64), (-1, 2))
    assert lines[:, 0].min() == pytest.approx(2.5 + 0.64)
    assert lines[:, 0].max() == pytest.approx(5.5 + 0.36)
    assert lines[:, 1].min() == pytest.approx(1.5 + 0.64)
    ends, counts = np.unique(lines.round(6), axis=0, return_counts=True)
    assert len(ends) > 0
    assert (counts == 2).all()  # closed: each end is the beginning of another
    against = np.reshape(modules("slices", "outline", whole(values), 8, 6, -64), (-1, 2))
    assert against[:, 0].max() < 2
    assert modules("slices", "outline", whole([0] * 48), 8, 6, 64) == []


@pytest.mark.parametrize("left", [-730.0, -40.5, 0.0, 300.0])
def test_the_part_painted_covers_all_that_is_seen(modules, left):
    frame = {"left": left, "top": -10.0, "width": 900.0, "height": 600.0}
    box = {"width": 200.0, "height": 150.0}
    part = modules("slices", "visiblePart", frame, box, 300, 200, 16)
    seen_columns = [c for c in range(300) if -3 < left + 3 * c < 200]
    seen_rows = [r for r in range(200) if -3 < -10 + 3 * r < 150]
    for seen, low, high in ((seen_columns, "left", "right"), (seen_rows, "top", "bottom")):
        if seen:
            assert part[low] <= seen[0]
            assert seen[-1] < part[high]
            assert part[high] - part[low] <= len(seen) + 32
        else:
            assert part[low] >= part[high]
