"""geometry.js in the browser, against nibabel and plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from nibabel.orientations import aff2axcodes

from medsiam import Scan
from viewer.volume import document

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def oriented(order, signs, mm=(1.0, 2.0, 3.0)) -> np.ndarray:
    """An affine whose stored axes run along patient axes in an order, each way or the other."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for stored, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, stored] = sign * mm[stored]
    affine[:3, 3] = (7, -5, 11)
    return affine


def said(shape, affine=None, spacing=None, dims=3) -> dict:
    return document(Scan(np.zeros(shape, np.float32), dims, affine=affine, spacing=spacing))


def test_the_same_planes_are_paired_in_differently_stored_scans(modules):
    query = said((4, 5, 6), LPS)
    match = said((6, 4, 5), oriented((2, 0, 1), (-1, -1, -1)))
    pairs = modules("geometry", "planePairs", query, match)
    assert [pair["name"] for pair in pairs] == ["axial", "coronal", "sagittal"]
    assert [(p["query"]["axis"], p["match"]["axis"]) for p in pairs] == [(2, 0), (1, 2), (0, 1)]


def test_thick_slices_come_first_and_unknown_orientation_means_stored_axes(modules):
    thick = said((9, 3, 9), LPS, (1.0, 5.0, 1.0))
    assert modules("geometry", "planePairs", thick, thick)[0]["name"] == "coronal"
    pairs = modules("geometry", "planePairs", said((4, 5, 6), LPS), said((4, 5, 6)))
    assert sorted((p["query"]["axis"], p["match"]["axis"]) for p in pairs) == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    image = said((4, 4), dims=2)
    assert [p["name"] for p in modules("geometry", "planePairs", image, image)] == ["image"]


@pytest.mark.parametrize("mode", ["percent", "mm"])
@pytest.mark.parametrize(
    ("n_query", "n_match", "query_mm", "match_mm"),
    [(24, 11, 4, 8), (10, 37, 10, 1.5), (40, 7, 1, 9), (5, 1, 5, 5), (1, 9, 3, 3)],
)
def test_linked_slices_are_at_most_half_a_slice_off(
    modules, mode, n_query, n_match, query_mm, match_mm
):
    here, there = {"count": n_query, "mm": query_mm}, {"count": n_match, "mm": match_mm}
    for position in range(n_query):
        linked = modules("geometry", "linkedPosition", position, here, there, mode)
        if mode == "mm":
            wanted = (position - (n_query - 1) / 2) * query_mm / match_mm + (n_match - 1) / 2
        elif n_query == 1:
            wanted = (n_match - 1) / 2
        else:
            wanted = position * (n_match - 1) / (n_query - 1)
        assert 0 <= linked < n_match
        assert abs(linked - min(max(wanted, 0), n_match - 1)) <= 0.5 + 1e-9


def test_in_one_frame_the_linked_voxel_is_the_nearest_one(modules):
    turn = oriented((1, 2, 0), (1, -1, 1))
    query, match = said((20, 18, 16), LPS, (1.0, 1.0, 1.0)), said((9, 10, 11), turn)
    pairs = modules("geometry", "planePairs", query, match)
    centres = np.array(list(itertools.product(range(9), range(10), range(11))))
    there = centres @ turn[:3, :3].T + turn[:3, 3]
    for voxel in ([3, 4, 5], [19, 0, 15], [10, 9, 8]):
        linked = modules(
            "geometry", "linkedVoxel", voxel, "query", query, match, pairs, "position", [0, 0, 0]
        )
        place = (LPS @ [*voxel, 1])[:3]
        wanted = np.linalg.solve(turn[:3, :3], place - turn[:3, 3])
        assert linked == [
            int(np.clip(np.floor(w + 0.5), 0, n - 1))
            for w, n in zip(wanted, (9, 10, 11), strict=True)
        ]
        if all(-0.5 < w < n - 0.5 for w, n in zip(wanted, (9, 10, 11), strict=True)):
            nearest = centres[np.linalg.norm(there - place, axis=1).argmin()]
            assert linked == nearest.tolist()


def test_only_what_is_known_can_be_linked(modules):
    known, bare = said((4, 5, 6), LPS, (1.0, 1.0, 1.0)), said((4, 5, 6))
    assert modules("geometry", "linkModes", known, known, False) == ["percent", "mm", "off"]
    assert modules("geometry", "linkModes", known, known, True)[0] == "position"
    assert modules("geometry", "linkModes", known, bare, True) == ["percent", "off"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_place_on_the_screen_and_its_voxel_are_one(modules, order):
    volume = said((4, 5, 6), oriented(order, (1, -1, -1)))
    for plane in volume["planes"]:
        for voxel in ([0, 0, 0], [3, 4, 5], [1, 3, 2]):
            place = modules("geometry", "placeOf", volume, plane, voxel)
            shown = [9, 9, 9]
            shown[plane["axis"]] = voxel[plane["axis"]]
            back = modules(
                "geometry", "voxelAt", volume, plane, shown, place["column"], place["row"]
            )
            assert back == voxel


def test_a_place_in_the_patient_in_words(modules):
    assert modules("geometry", "placeWords", LPS.tolist(), [3, -4, 5]) == "L 3.0, A 4.0, S 5.0 mm"
    assert aff2axcodes(LPS) == ("L", "P", "S")


def test_the_inverse(modules):
    affine = oriented((2, 0, 1), (1, -1, 1)) + np.array([[0.1, 0, 0.2, 0]] * 3 + [[0] * 4])
    np.testing.assert_allclose(
        modules("geometry", "inverse", affine.tolist()), np.linalg.inv(affine)[:3], atol=1e-9
    )


def test_the_ruler_is_the_longest_that_fits(modules):
    assert modules("geometry", "rulerFor", 2.5, 200) == {"mm": 50, "pixels": 125}
    assert modules("geometry", "rulerFor", 0.1, 200) == {"mm": 200, "pixels": 20}
    assert modules("geometry", "rulerFor", 5000, 200) is None


def test_a_slice_fits_its_frame_and_every_point_of_it_is_found(modules):
    size = {"columns": 40, "rows": 20, "mm": [1.0, 3.0]}
    box = {"width": 200, "height": 150}
    scale = modules("geometry", "fitScale", [{"size": size, "box": box}])
    assert scale == pytest.approx(min(200 / 40, 150 / 60))
    frame = modules("geometry", "frameOf", size, scale, [0, 0], box)
    assert frame["height"] == pytest.approx(150)
    for column, row in ((0, 0), (39, 19), (20, 3)):
        x = frame["left"] + (column + 0.5) * scale
        y = frame["top"] + (row + 0.5) * 3 * scale
        found = modules("geometry", "pixelUnder", size, frame, x, y)
        assert found == {"column": column, "row": row}
    assert modules("geometry", "pixelUnder", size, frame, frame["left"] - 1, 75) is None
