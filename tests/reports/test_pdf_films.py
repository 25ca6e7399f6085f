from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from medsiam.comparison import compare_embedding
from medsiam.reports.filmstrip import filmstrip
from medsiam.reports.pdf_films import films
from medsiam.reports.pictures import percentile_window
from medsiam.scans.scan import Scan
from tests.comparison.stub_bank import make_scan, ring_bank


def volume(seed: int) -> Scan:
    values = np.random.default_rng(seed).normal(size=(12, 12, 21)).astype(np.float32)
    return Scan(array=values, spatial_dims=3, affine=np.diag([-1.0, -1, 1, 1]))


def make_films(query, kept, *, phases=("",), k=5):
    bank = ring_bank(spatial_dims=query[0].spatial_dims)
    bank.cases = tuple(replace(case, phases=phases) for case in bank.cases)
    comparison = compare_embedding(bank.embeddings[0], query, bank, k=k)
    cases = {case.case_id: case for case in bank.cases}
    return comparison, films(comparison, query, cases, kept)


def test_the_query_and_four_cases_three_slices_of_each():
    query = volume(0)
    comparison, made = make_films((query,), lambda case_id: (volume(len(case_id)),))
    assert [film.title for film in made] == [
        "Query",
        *(f"{match.rank}. {match.condition}" for match in comparison.matches[:4]),
    ]
    places = [caption for _, caption in made[0].frames]
    assert places == [f"axial, R on the left, slice {n} of 21" for n in (4, 11, 18)]
    expected = filmstrip(query, n_frames=3, plane="axial", window=percentile_window(query))
    assert tuple(png for png, _ in made[0].frames) == expected.frames


def test_of_several_phases_one_picture_each():
    scans = (make_scan(), make_scan(make_scan().array[::-1]))
    _, made = make_films(scans, lambda case_id: scans, phases=("early", "late"))
    assert [caption for _, caption in made[1].frames] == ["early", "late"]
    early, late = (np.asarray(Image.open(io.BytesIO(png))) for png, _ in made[0].frames)
    np.testing.assert_array_equal(early[:, ::-1], late)


def test_a_case_without_pictures_has_no_frames():
    _, made = make_films((make_scan(),), lambda case_id: ())
    assert [len(film.frames) for film in made] == [1, 0, 0, 0, 0]
